"""The control of the lanes as generated code: who is in a lane, its events, its steps.

``@name@`` stands for where the rows of ``name`` begin, ``@L@`` for the number of lanes, ``@S@``, ``@P@``, ``@U@`` for
the numbers of states, parameters and inputs, ``@LAND@`` for whether steps end at output times, ``@STIFF@`` for whether
the step just tried was limited by stability. This control is one function because numba compiles it as one; its parts
are marked by their comments.
"""

# The control of the lanes. Times: `reached` where the lane is, `due` its next event, both exact.
SOLVE = """
@assembled
def set_inputs(W, l, inputs):
    for i in range(@U@):
        W[@u@ + i * @L@ + l] = inputs[i]
    hoist_segment(W, l)


@assembled
def set_sizes(W, l, floors):
    for i in range(@S@):
        size = math.fabs(W[@y@ + i * @L@ + l])
        W[@largest@ + i * @L@ + l] = size if size > floors[i] else floors[i]
        W[@lowest@ + i * @L@ + l] = floors[@S@ + i]
    W[@log_error@ + l] = -9.210340371976182


@assembled
def first_step(W, l, limit):
    # a hundredth of the time in which the fastest state would change by its own size
    h = limit
    for i in range(@S@):
        rate = math.fabs(W[@k1@ + i * @L@ + l])
        if rate > 0.0:
            one = 0.01 * W[@largest@ + i * @L@ + l] / rate
            h = one if one < h else h
    return h if h > 1e-6 else 1e-6


@assembled
def finite(W, l):
    for i in range(@S@):
        if not math.fabs(W[@y@ + i * @L@ + l]) < np.inf:
            return False
    return True


@njit(**FAST)
def solve(first, last, P, X0, given, which, seg_first, seg_time, seg_inputs, seg_jump, seg_keep, ends, times,
          tolerance, floors, max_steps, max_step, patience, STATES, OUT, status, error, steps, stopped):
    W = np.zeros(@ROWS@ * @L@)
    T = times.shape[0]
    patient = np.empty(@L@, np.int64)
    segment = np.zeros(@L@, np.int64)
    at = np.zeros(@L@, np.int64)
    new = np.zeros(@L@, np.int64)
    reached = np.zeros(@L@)
    due = np.zeros(@L@)
    step = np.zeros(@L@)
    before = np.zeros(@L@)
    gap = np.zeros(@L@)
    stiff = np.zeros(@L@, np.int64)
    budget = np.zeros(@L@)
    hits = np.zeros(@L@, np.bool_)
    lands = np.zeros(@L@, np.bool_)
    upcoming = first
    for l in range(@L@):
        patient[l] = -1
        W[@tolerance@ + l] = tolerance
    while True:
        running = 0
        fresh = False
        for l in range(@L@):
            # an event is due in this lane, or the lane is free for the next patient
            while new[l] != 0 or patient[l] < 0:
                if patient[l] < 0:
                    if upcoming >= last:
                        break
                    patient[l] = upcoming
                    upcoming += 1
                    for i in range(@P@):
                        W[@p@ + i * @L@ + l] = P[patient[l], i]
                    hoist_patient(W, l)
                    segment[l] = seg_first[which[patient[l]]]
                    reached[l] = seg_time[segment[l]]
                    step[l] = 0.0
                    before[l] = 0.0
                    gap[l] = 0.0
                    stiff[l] = 0
                    budget[l] = patience
                    W[@trust@ + l] = 0.0
                    at[l] = 0
                    new[l] = 2
                i = patient[l]
                s = segment[l]
                if new[l] != 3:
                    budget[l] += 30.0
                    set_inputs(W, l, seg_inputs[s])
                    if new[l] == 2:
                        if given:
                            for j in range(@S@):
                                W[@y@ + j * @L@ + l] = X0[i, j]
                        else:
                            starting(W, l)
                        set_sizes(W, l, floors)
                    for j in range(@S@):
                        kept = W[@y@ + j * @L@ + l] if seg_keep[s] != 0.0 else 0.0
                        W[@y@ + j * @L@ + l] = kept + seg_jump[s, j]
                    final = s + 1 == seg_first[which[i] + 1]
                    due[l] = ends[which[i]] if final else seg_time[s + 1]
                    if not final and due[l] <= reached[l]:
                        segment[l] += 1
                        new[l] = 1
                        continue
                while at[l] < T and times[at[l]] <= reached[l]:
                    emit(W, l, 0.0, times[at[l]], i, at[l], STATES, OUT)
                    at[l] += 1
                if at[l] >= T:
                    patient[l] = -1
                    new[l] = 0
                    W[@h@ + l] = 0.0
                elif not finite(W, l):
                    status[i] = 2
                    stopped[i] = reached[l]
                    patient[l] = -1
                    new[l] = 0
                    W[@h@ + l] = 0.0
                else:
                    W[@t@ + l] = reached[l]
                    break
            if patient[l] >= 0:
                running += 1
                if new[l] != 0:
                    fresh = True
        if running == 0:
            return
        if fresh:
            stage1(W)
            for l in range(@L@):
                if new[l] != 0:
                    W[@side@ + l] = W[@new_side@ + l]
                    for i in range(@S@):
                        W[@k1@ + i * @L@ + l] = W[@k7@ + i * @L@ + l]
                    if step[l] == 0.0:
                        step[l] = first_step(W, l, max_step)
                    new[l] = 0
        for l in range(@L@):
            if patient[l] >= 0:
                left = due[l] - reached[l]
                if @LAND@:
                    lands[l] = times[at[l]] < due[l]
                    if lands[l]:
                        left = times[at[l]] - reached[l]
                h = step[l] if step[l] < max_step else max_step
                hits[l] = h >= left * 0.999999
                if hits[l]:
                    h = left
                elif h > 0.5 * left:
                    h = 0.5 * left
                if @LAND@:
                    lands[l] = lands[l] and hits[l]
                    hits[l] = hits[l] and not lands[l]
                W[@h@ + l] = h
        stage2(W)
        stage3(W)
        stage4(W)
        stage5(W)
        stage6(W)
        stage7(W)
        step_end(W)
        wanted = False
        for l in range(@L@):
            if patient[l] >= 0:
                if W[@accepted@ + l] != 0.0:
                    wanted = wanted or (@LAND@ and lands[l]) or times[at[l]] < reached[l] + W[@h@ + l]
                else:
                    wanted = wanted or W[@side@ + l] != W[@new_side@ + l]
        if wanted:
            dense(W)
        for l in range(@L@):
            i = patient[l]
            if i < 0:
                W[@accepted@ + l] = 0.0
                continue
            h = W[@h@ + l]
            e = W[@error@ + l]
            steps[i] += 1
            if e <= 1.0 and W[@below@ + l] != 0.0:
                # nothing of a step that falls is written; shorter ones find out when
                W[@accepted@ + l] = 0.0
                step[l] = 0.1 * h
                if h < 1e-6 * (1.0 + math.fabs(reached[l])):
                    status[i] = 4
            elif e <= 1.0:
                error[i] = e if e > error[i] else error[i]
                now = due[l] if hits[l] else times[at[l]] if (@LAND@ and lands[l]) else reached[l] + h
                while at[l] < T and (times[at[l]] < now or (@LAND@ and lands[l] and times[at[l]] <= now)):
                    emit(W, l, (times[at[l]] - reached[l]) / h, times[at[l]], i, at[l], STATES, OUT)
                    at[l] += 1
                # after more steps than events and outputs call for, one in 16 is looked at; 8 more than not decide
                if steps[i] > budget[l] + 2.0 * at[l] and steps[i] % 16 == 0 and at[l] < T:
                    stiff[l] = stiff[l] + 1 if @STIFF@ else max(stiff[l] - 1, 0)
                    if stiff[l] == 8:
                        status[i] = 5
                grown = h * W[@growth@ + l]
                # a step cut short by an event says nothing against the step before it
                step[l] = step[l] if h < step[l] and grown < step[l] else grown
                reached[l] = now
                W[@t@ + l] = now
                if hits[l]:
                    final = segment[l] + 1 == seg_first[which[i] + 1]
                    new[l] = 3 if final else 1
                    segment[l] += 0 if final else 1
                elif at[l] >= T:
                    new[l] = 3
                W[@trust@ + l] = 0.0
                if gap[l] > 0.0:
                    step[l] = gap[l]
                    W[@trust@ + l] = 1.0 if step[l] < 1e-10 * (1.0 + math.fabs(now)) else 0.0
                    gap[l] = 0.0
                elif before[l] > 0.0:
                    step[l] = step[l] if step[l] > before[l] else before[l]
                    before[l] = 0.0
            elif W[@side@ + l] != W[@new_side@ + l] and e < 1e10:
                # the step crosses a kink: the next one ends just before it, and the one after that crosses it alone
                low = 0.0
                high = 1.0
                for _ in range(5):
                    middle = 0.5 * (low + high)
                    if side_at(W, l, middle) == W[@side@ + l]:
                        low = middle
                    else:
                        high = middle
                if before[l] == 0.0:
                    before[l] = 0.2 * h
                least = 2e-12 * (1.0 + math.fabs(reached[l]))
                W[@trust@ + l] = 0.0
                gap[l] = 0.0
                if low * h > least:
                    step[l] = low * h
                    gap[l] = max(1.5 * (high - low) * h, least)
                else:
                    step[l] = max(high * h, least)
                    # across a jump no step looks good: one that is next to nothing needs no caution
                    W[@trust@ + l] = 1.0 if step[l] < 50.0 * least else 0.0
            else:
                step[l] = h * (W[@growth@ + l] if e < 1e10 else 0.1)
            if status[i] == 0 and step[l] < 1e-12 * (1.0 + math.fabs(reached[l])):
                status[i] = 1 if e <= 1e300 else 2
                if patience < np.inf and @STIFF@:
                    status[i] = 5
            elif status[i] == 0 and steps[i] >= max_steps and at[l] < T:
                status[i] = 3
            if status[i] != 0:
                stopped[i] = reached[l]
                patient[l] = -1
                new[l] = 0
                W[@accepted@ + l] = 0.0
        commit(W)
"""

# A short way for filters: everybody from t0 to t1 under constant inputs, nothing written on the way.
ADVANCE = """
@assembled
def set_all_sizes(W, floors):
    for i in range(@S@):
        for l in range(@L@):
            size = math.fabs(W[@y@ + i * @L@ + l])
            W[@largest@ + i * @L@ + l] = size if size > floors[i] else floors[i]
            W[@lowest@ + i * @L@ + l] = floors[@S@ + i]
    for l in range(@L@):
        W[@log_error@ + l] = -9.210340371976182


@njit(**FAST)
def advance(first, last, P, U, X, t0, t1, tolerance, floors, max_steps, RESULT, status):
    W = np.zeros(@ROWS@ * @L@)
    reached = np.zeros(@L@)
    step = np.zeros(@L@)
    open_ = np.zeros(@L@, np.bool_)
    for l in range(@L@):
        W[@tolerance@ + l] = tolerance
    shared = U.shape[0] == 1
    for start in range(first, last, @L@):
        count = min(@L@, last - start)
        for l in range(count):
            i = start + l
            for j in range(@P@):
                W[@p@ + j * @L@ + l] = P[i, j]
            for j in range(@S@):
                W[@y@ + j * @L@ + l] = X[i, j]
            for j in range(@U@):
                W[@u@ + j * @L@ + l] = U[0 if shared else i, j]
            W[@t@ + l] = t0
            reached[l] = t0
            open_[l] = True
            status[i] = 0
        hoist_all(W)
        set_all_sizes(W, floors)
        running = count
        stage1(W)
        for l in range(count):
            W[@side@ + l] = W[@new_side@ + l]
            for j in range(@S@):
                W[@k1@ + j * @L@ + l] = W[@k7@ + j * @L@ + l]
            step[l] = t1 - t0
        tries = 0
        while running > 0:
            tries += 1
            for l in range(count):
                left = t1 - reached[l]
                h = step[l] if step[l] < 0.999999 * left else left
                W[@h@ + l] = h if open_[l] else 0.0
            stage2(W)
            stage3(W)
            stage4(W)
            stage5(W)
            stage6(W)
            stage7(W)
            step_end(W)
            for l in range(count):
                if not open_[l]:
                    W[@accepted@ + l] = 0.0
                    continue
                h = W[@h@ + l]
                e = W[@error@ + l]
                if e <= 1.0:
                    done = h >= t1 - reached[l]
                    reached[l] = t1 if done else reached[l] + h
                    W[@t@ + l] = reached[l]
                    step[l] = h * W[@growth@ + l]
                    if done:
                        open_[l] = False
                        running -= 1
                else:
                    step[l] = h * (W[@growth@ + l] if e < 1e10 else 0.1)
                    if step[l] < 1e-12 * (1.0 + math.fabs(reached[l])):
                        status[start + l] = 1 if e <= 1e300 else 2
                if open_[l] and tries >= max_steps and status[start + l] == 0:
                    status[start + l] = 3
                if open_[l] and status[start + l] != 0:
                    open_[l] = False
                    running -= 1
            commit(W)
        for l in range(count):
            for j in range(@S@):
                RESULT[start + l, j] = W[@y@ + j * @L@ + l]
"""
