//! The fused multiply-add in integers, for processors without the instruction. The method is close to that of Berkeley SoftFloat.

/// A finite number other than zero as `significand · 2^exponent`, with a separate sign. The significand has 24 bits.
struct Parts {
    significand: u32,
    exponent: i32,
}

impl Parts {
    #[inline]
    fn of(x: f32) -> Self {
        let (field, fraction) = (x.to_bits() >> 23 & 0xff, x.to_bits() & 0x007f_ffff);
        if field == 0 {
            let shift = fraction.leading_zeros() - 8;
            Self { significand: fraction << shift, exponent: -149 - shift as i32 }
        } else {
            Self { significand: fraction | 0x0080_0000, exponent: field as i32 - 150 }
        }
    }
}

/// See [`fma`](super::fma).
pub fn fma(a: f32, b: f32, c: f32) -> f32 {
    if !c.is_finite() && a.is_finite() && b.is_finite() {
        return c;
    }
    if a == 0.0 || b == 0.0 || !a.is_finite() || !b.is_finite() {
        return a * b + c;
    }
    if c == 0.0 {
        return a * b;
    }

    // Both terms with their highest bit at 60 or 61: room for a carry above, for the bits to be rounded below.
    let (x, y, z) = (Parts::of(a), Parts::of(b), Parts::of(c));
    let mut product = (u64::from(x.significand) * u64::from(y.significand)) << 14;
    let mut addend = u64::from(z.significand) << 38;
    let (product_exponent, addend_exponent) = (x.exponent + y.exponent - 14, z.exponent - 38);
    let distance = product_exponent - addend_exponent;
    if distance > 0 {
        addend = shift_right_to_odd(addend, distance.unsigned_abs());
    } else {
        product = shift_right_to_odd(product, distance.unsigned_abs());
    }
    let exponent = product_exponent.max(addend_exponent);

    let product_sign = (a.to_bits() ^ b.to_bits()) & 0x8000_0000;
    let (sign, magnitude) = if product_sign == c.to_bits() & 0x8000_0000 {
        (product_sign, product + addend)
    } else if product >= addend {
        (product_sign, product - addend)
    } else {
        (product_sign ^ 0x8000_0000, addend - product)
    };
    if magnitude == 0 { 0.0 } else { round(sign, magnitude, exponent) }
}

/// Returns `x >> shift`, with the last bit set if a bit was lost. A later rounding to fewer bits then gives the same as for the exact value.
#[inline]
fn shift_right_to_odd(x: u64, shift: u32) -> u64 {
    match shift {
        0 => x,
        1..=63 => x >> shift | u64::from(x << (64 - shift) != 0),
        _ => 1,
    }
}

/// Rounds `magnitude · 2^exponent` to 24 bits, or fewer for a subnormal number, to nearest even.
#[inline]
fn round(sign: u32, magnitude: u64, exponent: i32) -> f32 {
    let highest = 63 - magnitude.leading_zeros() as i32;
    let shift = (highest - 23).max(-149 - exponent);
    let significand = match shift {
        ..=0 => magnitude << -shift,
        1..=62 => {
            let (kept, rest, half) = (magnitude >> shift, magnitude & ((1 << shift) - 1), 1 << (shift - 1));
            kept + u64::from(rest > half || rest == half && kept & 1 == 1)
        }
        // Less than half of the smallest subnormal.
        _ => 0,
    };
    let field = exponent + shift + 149;
    if field > 253 {
        return f32::from_bits(sign | f32::INFINITY.to_bits());
    }
    // The significand's highest bit, where it has 24, counts the exponent field up by one; a carry to 25 bits by two.
    f32::from_bits(sign | (((field as u32) << 23) + significand as u32))
}
