"""placeholder"""


class Sensed: ...
