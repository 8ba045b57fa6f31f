//! Jump tables as compilers for ARMv6-M write them.

use super::bits;

/// The place of a table, and the number of bytes of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// The table follows the jump.
    After(u32),
    /// The table is at the address in a register.
    At(u8, u32),
}

/// Returns the table by which a register was set for [`Effect::Ahead`](super::Effect::Ahead): by a load of one or two bytes, then `lsls` by 1.
pub fn table(load: u16, shift: u16, register: u8) -> Option<Table> {
    let wanted = u16::from(register) << 3 | u16::from(register);
    let base = bits(load.into(), 3, 3) as u8;
    match load >> 9 {
        _ if shift != 0x0040 | wanted || load & 7 != wanted & 7 => None,
        // From the register's own address, and 4.
        0x3c if load & 0x1f8 == 0x100 | wanted & 0x38 => Some(Table::After(1)),
        0x44 if load & 0x1f8 == 0x080 | wanted & 0x38 => Some(Table::After(2)),
        0x2d => Some(Table::At(base, 2)),
        0x2e => Some(Table::At(base, 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_known_by_what_loads_from_it() {
        let [ldrb_r0_r0_4, ldrh_r2_r2_4, ldrh_r0_r1_r0, lsls_r0, lsls_r2] = [0x7900, 0x8892, 0x5a08, 0x0040, 0x0052];
        assert_eq!(table(ldrb_r0_r0_4, lsls_r0, 0), Some(Table::After(1)));
        assert_eq!(table(ldrh_r2_r2_4, lsls_r2, 2), Some(Table::After(2)));
        assert_eq!(table(ldrh_r0_r1_r0, lsls_r0, 0), Some(Table::At(1, 2)));
        assert_eq!(table(ldrh_r2_r2_4, lsls_r0, 0), None);
        assert_eq!(table(ldrb_r0_r0_4, 0x0080, 0), None);
    }
}
