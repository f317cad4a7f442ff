"""What is compared with: Prometheus's predict_linear over a window, and a gated exponentially weighted line."""

import math
from collections import deque


class PredictLinear:
    def __init__(self, limit, window_s=1800.0):
        self.limit, self.window_s = limit, window_s
        self.q, self.n, self.st, self.sv, self.stt, self.stv, self.t0 = deque(), 0, 0.0, 0.0, 0.0, 0.0, None

    def update(self, time_s, value):
        if self.t0 is None:
            self.t0 = time_s
        t = time_s - self.t0
        self.q.append((t, value))
        self._add(t, value, 1)
        while self.q[0][0] < t - self.window_s:
            self._add(*self.q.popleft(), -1)
        if self.n < 3:
            return None
        d = self.stt - self.st * self.st / self.n
        if d <= 0:
            return None
        b = (self.stv - self.st * self.sv / self.n) / d
        a = self.sv / self.n + b * (t - self.st / self.n)
        if a >= self.limit:
            return 0.0
        return (self.limit - a) / b if b > 0 else None

    def _add(self, t, v, k):
        self.n += k
        self.st += k * t
        self.sv += k * v
        self.stt += k * t * t
        self.stv += k * t * v


class GatedLine:
    def __init__(self, limit, tau_s=3600.0, gate=3.0):
        self.limit, self.tau, self.gate = limit, tau_s, gate
        self.w = self.mt = self.mv = self.ctt = self.ctv = self.cvv = 0.0
        self.w2 = 0.0
        self.last = None

    def update(self, time_s, value):
        if self.last is not None:
            k = math.exp(-max(0, time_s - self.last) / self.tau)
            self.w *= k
            self.w2 *= k * k
            self.ctt *= k
            self.ctv *= k
            self.cvv *= k
        self.last = time_s
        self.w += 1
        self.w2 += 1
        dt, dv = time_s - self.mt, value - self.mv
        if self.w == 1:
            self.mt, self.mv = time_s, value
            return None
        self.mt += dt / self.w
        self.mv += dv / self.w
        k = 1 - 1 / self.w
        self.ctt += k * dt * dt
        self.ctv += k * dt * dv
        self.cvv += k * dv * dv
        n = self.w * self.w / self.w2
        if n < 10 or self.ctt <= 0:
            return None
        b = self.ctv / self.ctt
        rss = max(0.0, self.cvv - b * self.ctv)
        se = math.sqrt(rss / self.w / max(1, n - 2) / (self.ctt / self.w)) + 1e-300
        a = self.mv + b * (time_s - self.mt)
        r2 = 1 - rss / self.cvv if self.cvv > 0 else 0
        if a >= self.limit:
            return 0.0
        return (self.limit - a) / b if b > 0 and b / se > self.gate and r2 > 0.5 else None
