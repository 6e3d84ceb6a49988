"""The control of one patient with columns as generated code; ``@name@`` as in ``lane_control``."""

SOLVE = """
@assembled
def slopes_now(W, C, COLUMN, DU, now):
    W[@t@] = now
    W[@time@] = now
    for j in range(@S@):
        W[@x@ + j] = W[@y@ + j]
    for j in range(@S@ * @WIDTH@):
        C[@xs@ + j] = C[@ys@ + j]
    rates(W, C, W[@k1@ : @k1@ + @S@], C[@k1s@ : @k1s@ + @S@ * @WIDTH@], COLUMN, DU)
    W[@side@] = W[@new_side@]


@assembled
def carry(W, C, d_time, sign):
    # S ± f ∂t
    for j in range(@S@):
        for c in range(d_time.shape[0]):
            C[@ys@ + j * @WIDTH@ + c] += sign * W[@k1@ + j] * d_time[c]


@assembled
def begin_segment(W, C, COLUMN, DU, first, now, inputs, jumps, keep, d_time, d_inputs, d_jump):
    moved = False
    for c in range(d_time.shape[0]):
        moved = moved or d_time[c] != 0.0
    if moved and not first:  # a given start has its derivatives where it is, also when that moves
        slopes_now(W, C, COLUMN, DU, now)
        carry(W, C, d_time, 1.0)
    for j in range(@U@):
        W[@u@ + j] = inputs[j]
    for j in range(d_inputs.shape[0]):
        for c in range(d_inputs.shape[1]):
            DU[j, c] = d_inputs[j, c]
    hoist_segment(W)
    for j in range(@S@):
        W[@y@ + j] = (W[@y@ + j] if keep != 0.0 else 0.0) + jumps[j]
    if keep == 0.0:
        C[@ys@ : @ys@ + @S@ * @WIDTH@] = 0.0
    for j in range(d_jump.shape[0]):
        for c in range(d_jump.shape[1]):
            C[@ys@ + j * @WIDTH@ + c] += d_jump[j, c]
    if moved:
        slopes_now(W, C, COLUMN, DU, now)
        carry(W, C, d_time, -1.0)


@assembled
def first_step(W, limit):
    h = limit
    for j in range(@S@):
        rate = math.fabs(W[@k1@ + j])
        if rate > 0.0:
            h = min(h, 0.01 * W[@largest@ + j] / rate)
    return max(h, 1e-6)


@assembled
def finite(W):
    for j in range(@S@):
        if not math.fabs(W[@y@ + j]) < np.inf:
            return False
    return True


@assembled
def fallen(W, tolerance, floors):
    # whether the step brings a state below its least value, as in lanes
    for j in range(@S@):
        if W[@x@ + j] < floors[@S@ + j] - 100.0 * tolerance * W[@largest@ + j]:
            return True
    return False


@assembled
def grow(e, log_error):
    growth = 0.9 * math.exp(0.04 * log_error - 0.17 * math.log(min(max(e, 1e-10), 1e10)))
    return min(max(growth, 0.2), 10.0)


@assembled
def rates_at(W, C, COLUMN, DU, now, theta, F, Fs):
    between(W, C, theta)
    W[@time@] = now + theta * W[@h@]
    for j in range(@S@):
        W[@x@ + j] = W[@dense@ + j]
    for j in range(@S@ * @WIDTH@):
        C[@xs@ + j] = C[@denses@ + j]
    rates(W, C, F, Fs, COLUMN, DU)


@assembled
def copied(X, Z):
    for j in range(Z.shape[0]):
        Z[j] = X[j]


@njit(**FAST)
def jumped(W, C, COLUMN, DU, now, FIX):
    # (f⁻ − f⁺) ∂t_e where a condition changes within the step just tried, the jump alone: f is taken on both sides
    new_side = W[@new_side@]
    x, xs = np.empty(@S@), np.empty(@S@ * @WIDTH@)
    copied(W[@x@ : @x@ + @S@], x)
    copied(C[@xs@ : @xs@ + @S@ * @WIDTH@], xs)
    before, after, Fs = np.zeros(@S@), np.zeros(@S@), np.zeros(@S@ * @WIDTH@)
    G0, G1, GT, DG = np.zeros(@SWITCHES@), np.zeros(@SWITCHES@), np.zeros(@SWITCHES@), np.zeros((@SWITCHES@, @WIDTH@))
    low = 0.0
    high = 1.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        rates_at(W, C, COLUMN, DU, now, middle, before, Fs)
        if W[@new_side@] == W[@side@]:
            low = middle
        else:
            high = middle
    rates_at(W, C, COLUMN, DU, now, high, after, Fs)
    crossing(W, C, after, COLUMN, G1, DG, GT)
    rates_at(W, C, COLUMN, DU, now, low, before, Fs)
    crossing(W, C, before, COLUMN, G0, DG, GT)
    for j in range(@S@ * @WIDTH@):
        FIX[j] = 0.0
    for k in range(@SWITCHES@):
        if G0[k] != G1[k] and GT[k] != 0.0:
            for j in range(@S@):
                for c in range(@WIDTH@):
                    FIX[j * @WIDTH@ + c] = (after[j] - before[j]) * DG[k, c] / GT[k]
            break  # conditions that change together are one crossing
    copied(x, W[@x@ : @x@ + @S@])
    copied(xs, C[@xs@ : @xs@ + @S@ * @WIDTH@])
    W[@new_side@] = new_side


@njit(**FAST)
def solve(P, X0, S0, given, COLUMN, wanted, which, seg_first, seg_time, seg_inputs, seg_jump, seg_keep,
          d_time, d_inputs, d_jump, times, tolerance, floors, max_steps, OUT, SLOPES, FINAL, FINAL_SLOPES, status,
          error, steps, stopped):
    T = times.shape[0]
    end = times[T - 1]
    for i in range(P.shape[0]):
        W = np.zeros(@ROWS@)
        C = np.zeros(@BLOCKS@ * @S@ * @WIDTH@)
        DU = np.zeros((@U@, @WIDTH@))
        FIX = np.zeros(@S@ * @WIDTH@)
        s = seg_first[which[i]]
        final = seg_first[which[i] + 1] - 1
        now = seg_time[s]
        for j in range(@P@):
            W[@p@ + j] = P[i, j]
        hoist_patient(W)
        for j in range(@U@):
            W[@u@ + j] = seg_inputs[s, j]
        if given:
            for j in range(@S@):
                W[@y@ + j] = X0[i, j]
                for c in range(wanted):
                    C[j * @WIDTH@ + c] = S0[i, j, c]
        else:
            starting(W, C, COLUMN)
        for j in range(@S@):
            W[@largest@ + j] = max(math.fabs(W[@y@ + j]), floors[j])
        begin_segment(W, C, COLUMN, DU, True, now, seg_inputs[s], seg_jump[s], seg_keep[s], d_time[s], d_inputs[s],
                      d_jump[s])
        while s < final and seg_time[s + 1] <= now:
            s += 1
            begin_segment(W, C, COLUMN, DU, False, now, seg_inputs[s], seg_jump[s], seg_keep[s], d_time[s], d_inputs[s],
                          d_jump[s])
        at = 0
        step = 0.0
        log_error = -9.210340371976182
        fresh = True
        while True:
            while at < T and times[at] <= now:
                emit(W, C, COLUMN, wanted, 0.0, times[at], i, at, OUT, SLOPES)
                at += 1
            if not finite(W):
                status[i] = 2
            if status[i] != 0:
                stopped[i] = now
                break
            if at >= T:
                for j in range(@S@):
                    FINAL[i, j] = W[@y@ + j]
                    for c in range(wanted):
                        FINAL_SLOPES[i, j, c] = C[j * @WIDTH@ + c]
                break
            if fresh:
                slopes_now(W, C, COLUMN, DU, now)
                if step == 0.0:
                    step = first_step(W, end - now)
                fresh = False
            due = seg_time[s + 1] if s < final and seg_time[s + 1] < end else end
            left = due - now
            hit = step >= 0.999999 * left
            h = left if hit else min(step, 0.5 * left)
            W[@h@] = h
            moves2(W, C)
            rates(W, C, W[@k2@ : @k2@ + @S@], C[@k2s@ : @k2s@ + @S@ * @WIDTH@], COLUMN, DU)
            moves3(W, C)
            rates(W, C, W[@k3@ : @k3@ + @S@], C[@k3s@ : @k3s@ + @S@ * @WIDTH@], COLUMN, DU)
            moves4(W, C)
            rates(W, C, W[@k4@ : @k4@ + @S@], C[@k4s@ : @k4s@ + @S@ * @WIDTH@], COLUMN, DU)
            moves5(W, C)
            rates(W, C, W[@k5@ : @k5@ + @S@], C[@k5s@ : @k5s@ + @S@ * @WIDTH@], COLUMN, DU)
            moves6(W, C)
            rates(W, C, W[@k6@ : @k6@ + @S@], C[@k6s@ : @k6s@ + @S@ * @WIDTH@], COLUMN, DU)
            moves7(W, C)
            rates(W, C, W[@k7@ : @k7@ + @S@], C[@k7s@ : @k7s@ + @S@ * @WIDTH@], COLUMN, DU)
            e = step_error(W) / tolerance
            steps[i] += 1
            if e <= 1.0 and fallen(W, tolerance, floors):
                step = 0.1 * h
                if h < 1e-6 * (1.0 + math.fabs(now)):
                    status[i] = 4
            elif e <= 1.0:
                error[i] = max(error[i], e)
                growth = grow(e, log_error)
                log_error = math.log(max(e, 1e-4))
                then = due if hit else now + h
                while at < T and times[at] < then:
                    emit(W, C, COLUMN, wanted, (times[at] - now) / h, times[at], i, at, OUT, SLOPES)
                    at += 1
                crosses = @SWITCHES@ > 0 and W[@side@] != W[@new_side@]
                if crosses:
                    jumped(W, C, COLUMN, DU, now, FIX)
                commit(W, C)
                if crosses:
                    for j in range(@S@ * @WIDTH@):
                        C[@ys@ + j] += FIX[j]
                    fresh = True
                grown = h * growth
                step = step if h < step and grown < step else grown
                now = then
                W[@t@] = now
                while hit and s < final and seg_time[s + 1] <= now:
                    s += 1
                    begin_segment(W, C, COLUMN, DU, False, now, seg_inputs[s], seg_jump[s], seg_keep[s],
                                  d_time[s], d_inputs[s], d_jump[s])
                    fresh = True
            else:
                step = h * (grow(e, log_error) if e < 1e10 else 0.1)
                if step < 1e-12 * (1.0 + math.fabs(now)):
                    status[i] = 1 if e <= 1e300 else 2
            if steps[i] >= max_steps and at < T and status[i] == 0:
                status[i] = 3
"""
