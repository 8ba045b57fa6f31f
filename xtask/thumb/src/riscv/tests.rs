//! Encodings as an assembler makes them, and programs of them.

use object::SectionKind;

use super::{START, decode};
use crate::{
    decode::{
        Class,
        Effect::{self, Branch, Call, Jump, Return, Set, Stop, Unknown, Writes},
        Operand::{Aligned, Constant, Either, Loaded, Registers, Sum},
        Target,
    },
    program::{Function, Machine, Program},
    stack::{Stack, deepest},
};

/// Returns the instruction at 0x1000.
fn effect(encoding: u32) -> (u32, Effect) {
    let [first, second] = [encoding & 0xffff, encoding >> 16].map(|half| half as u16);
    let instruction = decode(0x1000, first, Some(second)).unwrap();
    (instruction.length, instruction.effect)
}

#[test]
fn what_moves_the_stack_pointer_and_what_runs_next_is_followed() {
    let to = Target::Address;
    let encodings = [
        (0x1234_5537, Set(10, Constant(0x1234_5000))), // lui a0, 0x12345
        (0x0000_1097, Set(1, Constant(0x2000))),       // auipc ra, 1
        (0x0100_80e7, Call(Target::Sum(1, 16))),       // jalr ra, 16(ra)
        (0x0083_0067, Jump(Target::Sum(6, 8))),        // jr 8(t1)
        (0x0000_8067, Return(0)),                      // ret
        (0x0007_8067, Jump(Target::Sum(15, 0))),       // jr a5
        (0x0007_80e7, Call(Target::Sum(15, 0))),       // jalr a5
        (0x7d00_00ef, Call(to(0x17d0))),               // jal ra, .+2000
        (0x831f_f06f, Jump(to(0x830))),                // j .-2000
        (0x18b5_0863, Branch(0x1190)),                 // beq a0, a1, .+400
        (0x86b5_7063, Branch(0x60)),                   // bgeu a0, a1, .-4000
        (0x0285_a503, Set(10, Loaded(11, 40))),        // lw a0, 40(a1)
        (0x7fc1_2403, Set(8, Loaded(2, 2044))),        // lw s0, 2044(sp)
        (0x0035_c503, Writes(1 << 10)),                // lbu a0, 3(a1)
        (0x18a5_a823, Writes(0)),                      // sw a0, 400(a1)
        (0x8101_0113, Set(2, Sum(2, -2032))),          // addi sp, sp, -2032
        (0x4d20_0513, Set(10, Sum(0, 1234))),          // li a0, 1234
        (0x7d01_0413, Set(8, Sum(2, 2000))),           // addi s0, sp, 2000
        (0xfc01_7113, Set(2, Aligned(2, 64))),         // andi sp, sp, -64
        (0x0075_f513, Writes(1 << 10)),                // andi a0, a1, 7
        (0x0001_1113, Unknown),                        // slli sp, sp, 0
        (0x00c5_8533, Set(10, Either(11, 12))),        // add a0, a1, a2
        (0x4051_0133, Set(2, Registers(2, 5, true))),  // sub sp, sp, t0
        (0x0051_0133, Set(2, Either(2, 5))),           // add sp, sp, t0
        (0x1050_0073, Writes(0)),                      // wfi
        (0x0000_0073, Writes(1 << 10)),                // ecall
        (0x0010_0073, Writes(1 << 10)),                // ebreak
        (0xc000_1073, Stop),                           // unimp
        (0x0000, Stop),                                // c.unimp
        (0x1fe8, Set(10, Sum(2, 1020))),               // c.addi4spn a0, sp, 1020
        (0x0024, Set(9, Sum(2, 8))),                   // c.addi4spn s1, sp, 8
        (0x5de8, Set(10, Loaded(11, 124))),            // c.lw a0, 124(a1)
        (0xc1c8, Writes(0)),                           // c.sw a0, 4(a1)
        (0x0001, Writes(0)),                           // c.nop
        (0x1475, Set(8, Sum(8, -3))),                  // c.addi s0, -3
        (0x3921, Call(to(0xc18))),                     // c.jal .-1000
        (0x556d, Set(10, Constant(-5_i32 as u32))),    // c.li a0, -5
        (0x7101, Set(2, Sum(2, -512))),                // c.addi16sp sp, -512
        (0x617d, Set(2, Sum(2, 496))),                 // c.addi16sp sp, 496
        (0x7585, Set(11, Constant(0xfffe_1000))),      // c.lui a1, 0xfffe1
        (0x9961, Set(10, Aligned(10, 8))),             // c.andi a0, -8
        (0x8d0d, Set(10, Registers(10, 11, true))),    // c.sub a0, a1
        (0xa6e5, Jump(to(0x13e8))),                    // c.j .+1000
        (0xdd05, Branch(0xf38)),                       // c.beqz a0, .-200
        (0xe135, Branch(0x1064)),                      // c.bnez a0, .+100
        (0x50fe, Set(1, Loaded(2, 252))),              // c.lwsp ra, 252(sp)
        (0x8082, Return(0)),                           // c.jr ra
        (0x8782, Jump(Target::Sum(15, 0))),            // c.jr a5
        (0x842a, Set(8, Sum(10, 0))),                  // c.mv s0, a0
        (0x9002, Writes(1 << 10)),                     // c.ebreak
        (0x9782, Call(Target::Sum(15, 0))),            // c.jalr a5
        (0x9116, Set(2, Either(2, 5))),                // c.add sp, t0
        (0xdf86, Writes(0)),                           // c.swsp ra, 252(sp)
    ];
    for (encoding, expected) in encodings {
        let length = if encoding & 3 == 3 { 4 } else { 2 };
        assert_eq!(effect(encoding), (length, expected), "{encoding:#x}");
    }
}

#[test]
fn the_others_only_write_a_register() {
    // slli, srai, mul, divu, xor; lr.w, amoadd.w; csrr a0, minstret; c.srli, c.srai, c.andi, c.xor, c.slli
    for encoding in [
        0x0035_9513,
        0x4035_d513,
        0x02c5_8533,
        0x02c5_d533,
        0x00c5_c533,
        0x1005_a52f,
        0x00b6_252f,
        0xb020_2573,
        0x810d,
        0x850d,
        0x890d,
        0x8d2d,
        0x0512,
    ] {
        assert_eq!(effect(encoding).1, Writes(1 << 10), "{encoding:#x}");
    }
    // fence, fence.i, csrw mscratch, a0
    for encoding in [0x0ff0_000f, 0x0000_100f, 0x3405_1073] {
        assert_eq!(effect(encoding).1, Writes(0), "{encoding:#x}");
    }
}

#[test]
fn what_is_not_known_may_do_anything() {
    // mret, jalr t1, flw, c.flw, c.jr x0, a reserved shift, fadd.s
    for encoding in [0x3020_0073_u32, 0x0003_0367, 0x0000_2007, 0x6000, 0x8002, 0x2035_9513, 0x00b5_7553] {
        let [first, second] = [encoding & 0xffff, encoding >> 16].map(|half| half as u16);
        let instruction = decode(0x1000, first, Some(second)).unwrap();
        assert_eq!((instruction.class, instruction.effect), (Class::Untimed, Unknown), "{encoding:#x}");
    }
    assert_eq!(decode(0, 0x0113, Some(0)).map(|instruction| instruction.length), Some(4));
    assert_eq!(decode(0, 0x0113, None), None);
}

const STEP: u32 = 0x40;
const ADD_SP_MINUS_16: u32 = 0x1141;
const ADD_SP_16: u32 = 0x0141;
const RET: u32 = 0x8082;
/// `addi sp, sp, -2032` and back.
const LARGE: [u32; 3] = [0x8101_0113, 0x7f01_0113, RET];

/// Returns the stack of functions and of words after them. Each function is at the next multiple of [`STEP`], and the first is the start.
fn stack_of(functions: &[&[u32]], data: &[u32]) -> Stack {
    let mut program = Program { machine: Machine::RiscV, ..Program::default() };
    let mut bytes: Vec<u8> = Vec::new();
    for (place, code) in functions.iter().enumerate() {
        let start = bytes.len() as u32;
        for encoding in *code {
            let length = if encoding & 3 == 3 { 4 } else { 2 };
            bytes.extend(&encoding.to_le_bytes()[..length]);
        }
        let name = if place == 0 { START.to_owned() } else { format!("f{place}") };
        program.functions.insert(start, Function { end: bytes.len() as u32, name });
        bytes.resize((start + STEP) as usize, 0);
    }
    program.add(0, bytes, SectionKind::Text);
    program.add(0x1000, data.iter().flat_map(|word| word.to_le_bytes()).collect(), SectionKind::ReadOnlyData);
    deepest(&program).unwrap()
}

fn bytes(functions: &[&[u32]], data: &[u32]) -> Result<u32, String> {
    stack_of(functions, data).bytes
}

#[test]
fn calls_add_up_and_a_function_left_by_a_jump_has_gone() {
    // auipc ra, 0; jalr 0x3e(ra)
    let call = [ADD_SP_MINUS_16, 0x0000_0097, 0x03e0_80e7, ADD_SP_16, RET];
    assert_eq!(bytes(&[&call, &LARGE], &[]), Ok(16 + 2032));
    // After the stack is given back: auipc t1, 0; jr 0x3c(t1).
    let jump = [ADD_SP_MINUS_16, ADD_SP_16, 0x0000_0317, 0x03c3_0067];
    assert_eq!(bytes(&[&jump, &LARGE], &[]), Ok(2032));
    // jal ra, .+62
    let near = [ADD_SP_MINUS_16, 0x03e0_00ef, ADD_SP_16, RET];
    assert_eq!(bytes(&[&near, &LARGE], &[]), Ok(16 + 2032));
}

#[test]
fn a_frame_of_any_size_is_followed_to_its_end() {
    // lui t0, 2; addi t0, t0, -16; sub sp, sp, t0; add sp, sp, t0; ret
    assert_eq!(bytes(&[&[0x0000_22b7, 0xff02_8293, 0x4051_0133, 0x9116, RET]], &[]), Ok(0x2000 - 16));
    // addi sp, sp, -128; addi s0, sp, 128; andi sp, sp, -64; addi sp, s0, -128; addi sp, sp, 128; ret
    let aligned = [0x7119, 0x0100, 0xfc01_7113, 0xf804_0113, 0x6109, RET];
    assert_eq!(bytes(&[&aligned], &[]), Ok(128 + 63));
}

#[test]
fn a_jump_by_a_table_goes_on_in_the_function_and_another_by_a_register_anywhere() {
    // lui a1, 1; slli a0, a0, 2; add a0, a0, a1; lw a0, 0(a0); jr a0; addi sp, -16; addi sp, 16; ret
    let ways = [0x6585, 0x050a, 0x952e, 0x4108, 0x8502, ADD_SP_MINUS_16, ADD_SP_16, RET];
    assert_eq!(bytes(&[&ways, &LARGE], &[0xe, 0xa]), Ok(16));
    // jr a5, which is a call of any function whose address is there.
    assert_eq!(bytes(&[&[0x8782], &LARGE], &[STEP]), Ok(2032));
    assert_eq!(bytes(&[&[0x8782], &LARGE], &[STEP + 2]), Ok(0));
    // lui a0, 0; addi a0, a0, 64; jalr a5: the address in two parts.
    assert_eq!(bytes(&[&[ADD_SP_MINUS_16, 0x0000_0537, 0x0405_0513, 0x9782, ADD_SP_16, RET], &LARGE], &[]), Ok(2048));
}

#[test]
fn what_cannot_be_bounded_is_named() {
    // jal ra, .
    assert_eq!(bytes(&[&[0x0000_00ef]], &[]), Err("_start_rust may call itself".into()));
    for (code, reason) in [
        (&[ADD_SP_MINUS_16, 0xbffd][..], "moves the stack pointer in a loop"),
        (&[0x812a, RET], "moves the stack pointer to where it is not followed"),
        (&[ADD_SP_MINUS_16, RET], "returns with another stack pointer"),
        (&[0x3020_0073], "has an instruction that is not known"),
    ] {
        let error = bytes(&[code], &[]).unwrap_err();
        assert!(error.starts_with("_start_rust at ") && error.ends_with(reason), "{error}");
    }
    assert!(deepest(&Program { machine: Machine::RiscV, ..Program::default() }).is_err());
}
