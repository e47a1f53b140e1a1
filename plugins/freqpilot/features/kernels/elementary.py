"""The natural logarithm of whole arrays, without a branch or a call, so that the compiler takes
several values in one step. Source: FDLIBM's e_log.c (Sun Microsystems 1993), error below 1 ulp.
"""

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from freqpilot.shapes import Floats

_ROOT_HALF, _ONE = np.uint64(0x3FE6A09E667F3BCD), np.uint64(0x3FF0000000000000)
_FRACTION, _EXPONENT = np.uint64(0x000FFFFFFFFFFFFF), np.uint64(52)
_LEAST, _RAISE = 2.2250738585072014e-308, 18014398509481984.0
_BIAS, _RAISED = np.int32(1023), np.int32(54)
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_L1, _L2, _L3 = 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01
_L4, _L5, _L6 = 2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01
_L7 = 1.479819860511658591e-01


@intrinsic
def _to_bits(typing: Any, x: Any) -> Any:
    """Return the 64 bits of a float."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return types.uint64(types.float64), generate


@intrinsic
def _from_bits(typing: Any, bits: Any) -> Any:
    """Return the float that has these 64 bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return types.float64(types.uint64), generate


# Their types miss that Numba fills in the first argument.
_bits: Any = _to_bits
_float: Any = _from_bits


# Python's model asks before each division whether it is by zero.
@njit(cache=True, nogil=True, error_model="numpy")
def natural_logarithm(a: Floats, out: Floats) -> None:
    """Write ln(a); NaN where ``a`` is not positive."""
    for i in range(out.shape[0]):
        x = a[i]
        # Subnormal numbers have no exponent of their own.
        small = x < _LEAST
        bits = _bits(x * _RAISE if small else x) + (_ONE - _ROOT_HALF)
        k = np.float64(np.int32(bits >> _EXPONENT) - (_BIAS + _RAISED if small else _BIAS))
        f = _float((bits & _FRACTION) + _ROOT_HALF) - 1.0
        half, s = 0.5 * f * f, f / (2.0 + f)
        z = s * s
        w = z * z
        r = w * (_L2 + w * (_L4 + w * _L6)) + z * (_L1 + w * (_L3 + w * (_L5 + w * _L7)))
        value = k * _LN2_HIGH - ((half - (s * (half + r) + k * _LN2_LOW)) - f)
        out[i] = (value if x < np.inf else np.inf) if x > 0.0 else np.nan
