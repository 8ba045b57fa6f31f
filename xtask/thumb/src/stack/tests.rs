//! Programs in instructions by hand: what a function takes, and what their calls add up to.

use object::SectionKind;

use super::Stack;
use crate::program::{Function, Program};

/// The address of the first function.
const START: u32 = 0x100;
/// The distance from one function to the next.
const STEP: u32 = 0x40;

const PUSH_R4_LR: u16 = 0xb510;
const POP_R4_PC: u16 = 0xbd10;
const SUB_SP_48: u16 = 0xb08c;
const ADD_SP_48: u16 = 0xb00c;

/// Half words of a function: instructions, or data among them.
enum Part<'a> {
    Code(&'a [u16]),
    Data(&'a [u16]),
}

use Part::{Code, Data};

/// Returns a program whose reset handler is the first function.
fn program(functions: &[(&str, &[Part<'_>])]) -> Program {
    let mut program = Program::default();
    let mut bytes = Vec::new();
    for (name, parts) in functions {
        let start = START + bytes.len() as u32;
        let mut end = start;
        for part in *parts {
            let (is_code, halves) = match part {
                Code(halves) => (true, halves),
                Data(halves) => (false, halves),
            };
            program.is_code.insert(end, is_code);
            bytes.extend(halves.iter().flat_map(|half| half.to_le_bytes()));
            end += 2 * halves.len() as u32;
        }
        program.functions.insert(start, Function { end, name: (*name).to_owned() });
        bytes.resize((start - START + STEP) as usize, 0);
    }
    program.add(START, bytes, SectionKind::Text);
    vectors(&mut program, &[(1, START)]);
    program
}

/// Sets handlers by their places.
fn vectors(program: &mut Program, handlers: &[(usize, u32)]) {
    let mut words = [0_u32; 16];
    handlers.iter().for_each(|&(place, handler)| words[place] = handler | 1);
    let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    program.vectors = 0..4 * words.len() as u32;
    program.sections.retain(|section| section.start > 0);
    program.add(0, bytes, SectionKind::ReadOnlyData);
}

/// Returns the address of a function.
fn at(function: u32) -> u32 {
    START + STEP * function
}

/// `bl` at one address to another.
fn bl(from: u32, to: u32) -> [u16; 2] {
    let offset = to.wrapping_sub(from + 4);
    [(0xf000 | offset >> 31 << 10 | (offset >> 12 & 0x3ff)) as u16, (0xf800 | (offset >> 1 & 0x7ff)) as u16]
}

/// `b.w` at one address to another.
fn b(from: u32, to: u32) -> [u16; 2] {
    let [first, second] = bl(from, to);
    [first, second & !0x4000]
}

fn deepest(functions: &[(&str, &[Part<'_>])]) -> Result<u32, String> {
    super::deepest(&program(functions)).unwrap().bytes
}

/// Returns the stack that one function takes.
fn frame(parts: &[Part<'_>]) -> Result<u32, String> {
    deepest(&[("f", parts)])
}

#[test]
fn calls_add_up_and_a_function_left_by_a_jump_has_gone() {
    let [call, call_too] = bl(at(0) + 4, at(1));
    let [jump, jump_too] = b(at(1) + 8, at(2));
    let bytes = deepest(&[
        // push {r4, lr}; sub sp, #16; bl g; add sp, #16; pop {r4, pc}
        ("f", &[Code(&[PUSH_R4_LR, 0xb084, call, call_too, 0xb004, POP_R4_PC])]),
        // push.w {r4-r11, lr}; pop.w {r4-r11, lr}; b.w h
        ("g", &[Code(&[0xe92d, 0x4ff0, 0xe8bd, 0x4ff0, jump, jump_too])]),
        ("h", &[Code(&[PUSH_R4_LR, SUB_SP_48, ADD_SP_48, POP_R4_PC])]),
    ]);
    assert_eq!(bytes, Ok(24 + 56));
}

#[test]
fn a_frame_of_any_size_is_followed_to_its_end() {
    // push {r4-r7, lr}; add r7, sp, #12; ldr r6, [pc, #8]; add sp, r6; subs r6, r7, #7; subs r6, #5; mov sp, r6; pop {r4-r7, pc}
    let from_literal = Code(&[0xb5f0, 0xaf03, 0x4e02, 0x44b5, 0x1ffe, 0x3e05, 0x46b5, 0xbdf0]);
    assert_eq!(frame(&[from_literal, Data(&[0xfbf4, 0xffff])]), Ok(20 + 1036));
    // push {r4, r6, r7, lr}; add r7, sp, #8; sub sp, #24; mov r4, sp; bfc r4, #0, #4; mov sp, r4; sub.w r4, r7, #8; mov sp, r4; pop {r4, r6, r7, pc}
    let aligned = Code(&[0xb5d0, 0xaf02, 0xb086, 0x466c, 0xf36f, 0x0403, 0x46a5, 0xf1a7, 0x0408, 0x46a5, 0xbdd0]);
    assert_eq!(frame(&[aligned]), Ok(16 + 24 + 15));
    // push {r4, lr}; movw r4, #0x2000; sub.w sp, sp, r4; add.w sp, sp, #0x2000; pop {r4, pc}
    let by_register = Code(&[PUSH_R4_LR, 0xf242, 0x0400, 0xebad, 0x0d04, 0xf50d, 0x5d00, POP_R4_PC]);
    assert_eq!(frame(&[by_register]), Ok(8 + 0x2000));
}

#[test]
fn both_ways_of_a_condition_are_followed() {
    // push {r4, lr}; it eq; popeq {r4, pc}; sub sp, #48; add sp, #48; pop {r4, pc}
    assert_eq!(frame(&[Code(&[PUSH_R4_LR, 0xbf08, POP_R4_PC, SUB_SP_48, ADD_SP_48, POP_R4_PC])]), Ok(56));
    // push {r4, lr}; cbz r0, to the end; sub sp, #48; add sp, #48; pop {r4, pc}
    assert_eq!(frame(&[Code(&[PUSH_R4_LR, 0xb108, SUB_SP_48, ADD_SP_48, POP_R4_PC])]), Ok(56));
}

#[test]
fn every_place_in_a_jumps_table_is_followed() {
    const WAYS: Part<'_> = Code(&[POP_R4_PC, SUB_SP_48, ADD_SP_48, POP_R4_PC]);
    // tbb [pc, r0]; two bytes, and what fills the table up
    assert_eq!(frame(&[Code(&[PUSH_R4_LR, 0xe8df, 0xf000]), Data(&[0x0302, 0x0000]), WAYS]), Ok(56));
    // add r0, pc; ldrb r0, [r0, #4]; lsls r0, #1; add pc, r0; two bytes
    let by_byte = Code(&[PUSH_R4_LR, 0x4478, 0x7900, 0x0040, 0x4487]);
    assert_eq!(frame(&[by_byte, Data(&[0x0100]), WAYS]), Ok(56));
    // adr r1, #4; lsls r0, #1; ldrh r0, [r1, r0]; lsls r0, #1; add pc, r0; two half words
    let by_half = Code(&[PUSH_R4_LR, 0xa102, 0x0040, 0x5a08, 0x0040, 0x4487]);
    assert_eq!(frame(&[by_half, Data(&[0x0001, 0x0002]), WAYS]), Ok(56));
    // mov pc, r1; two words
    let words = Data(&[at(0) as u16 + 13, 0, at(0) as u16 + 15, 0]);
    assert_eq!(frame(&[Code(&[PUSH_R4_LR, 0x468f]), words, WAYS]), Ok(56));
    // addw r6, pc, #8; add.w r6, r6, r2, lsl #2; mov pc, r6; two branches
    let ([one, one_too], [other, other_too]) = (b(at(0) + 12, at(0) + 20), b(at(0) + 16, at(0) + 22));
    let jump = [PUSH_R4_LR, 0xf20f, 0x0608, 0xeb06, 0x0682, 0x46b7, one, one_too, other, other_too];
    assert_eq!(frame(&[Code(&jump), WAYS]), Ok(56));
}

#[test]
fn what_cannot_be_bounded_is_named() {
    let [call, call_too] = bl(at(0) + 2, at(0));
    assert_eq!(frame(&[Code(&[PUSH_R4_LR, call, call_too, POP_R4_PC])]), Err("f may call itself".into()));
    let failures: [(&[u16], &str); 5] = [
        (&[SUB_SP_48, 0xe7fd], "f at 0x100 moves the stack pointer in a loop"),
        (&[0x46b5, 0x4770], "f at 0x100 moves the stack pointer to where it is not followed"),
        (&[PUSH_R4_LR, 0x4770], "f at 0x102 returns with another stack pointer"),
        (&[0x4697], "f at 0x100 jumps to where it is not followed"),
        // An encoding that is not known.
        (&[0xffff, 0xffff, 0x4770], "f at 0x100 has an instruction that is not known"),
    ];
    for (code, reason) in failures {
        assert_eq!(frame(&[Code(code)]), Err(reason.to_owned()));
    }
}

#[test]
fn a_call_by_a_register_may_be_of_any_function_whose_address_is_there() {
    let (small, large) = ([PUSH_R4_LR, POP_R4_PC], [PUSH_R4_LR, SUB_SP_48, ADD_SP_48, POP_R4_PC]);
    // push {r4, lr}; blx r3; pop {r4, pc}
    let call = [PUSH_R4_LR, 0x4798, POP_R4_PC, 0xbf00];
    let address = |function| [at(function) as u16 | 1, 0];
    let known = |function| {
        deepest(&[("f", &[Code(&call), Data(&address(function))]), ("g", &[Code(&small)]), ("h", &[Code(&large)])])
    };
    assert_eq!(known(1), Ok(8 + 8));
    assert_eq!(known(2), Ok(8 + 56));
    // movw r3, #0x141; movt r3, #0; blx r3: this one alone, though the other's address is there too.
    let call = [PUSH_R4_LR, 0xf240, 0x1341, 0xf2c0, 0x0300, 0x4798, POP_R4_PC, 0xbf00];
    let bytes = deepest(&[("f", &[Code(&call), Data(&address(2))]), ("g", &[Code(&small)]), ("h", &[Code(&large)])]);
    assert_eq!(bytes, Ok(8 + 8));
    // push {r4, lr}; ldr r2, [pc, #12]; ldr r3, [pc, #12]; it eq; moveq r3, r2; blx r3; pop {r4, pc}: one of two.
    let call = [PUSH_R4_LR, 0x4a03, 0x4b03, 0xbf08, 0x4613, 0x4798, POP_R4_PC, 0xbf00];
    let both = Data(&[address(1), address(2)].concat());
    let recursive = [PUSH_R4_LR, 0x4798, POP_R4_PC];
    let functions = [("g", &[Code(&small)][..]), ("h", &[Code(&large)]), ("i", &[Code(&recursive), Data(&address(3))])];
    assert_eq!(deepest(&[&[("f", &[Code(&call), both][..])], &functions[..]].concat()), Ok(8 + 56));
}

#[test]
fn the_report_of_a_panic_is_left_out() {
    let [call, call_too] = bl(at(0) + 2, at(1));
    // Nothing comes after the call, which does not return.
    let program = program(&[
        ("f", &[Code(&[PUSH_R4_LR, call, call_too])]),
        ("_ZN4core9panicking9panic_fmt17h0123456789abcdefE", &[Code(&[PUSH_R4_LR, SUB_SP_48, 0xe7fe])]),
    ]);
    assert_eq!(super::deepest(&program).unwrap(), Stack { bytes: Ok(8), panics: true });
}

#[test]
fn the_deepest_handler_comes_on_top_with_what_the_processor_keeps() {
    let mut program = program(&[
        ("Reset", &[Code(&[PUSH_R4_LR, POP_R4_PC])]),
        ("SysTick", &[Code(&[PUSH_R4_LR, SUB_SP_48, ADD_SP_48, POP_R4_PC])]),
        // mov sp, r6, which nothing can follow.
        ("HardFault", &[Code(&[0x46b5])]),
    ]);
    vectors(&mut program, &[(1, at(0)), (3, at(2)), (15, at(1))]);
    assert_eq!(super::deepest(&program).unwrap().bytes, Ok(8 + 36 + 56));
    program.has_fpu = true;
    assert_eq!(super::deepest(&program).unwrap().bytes, Ok(8 + 108 + 56));
}

#[test]
fn a_far_jump_in_a_function_is_no_call() {
    let [jump, jump_too] = bl(at(0) + 2, at(0) + 8);
    assert_eq!(frame(&[Code(&[PUSH_R4_LR, jump, jump_too]), Data(&[0]), Code(&[POP_R4_PC])]), Ok(8));
}
