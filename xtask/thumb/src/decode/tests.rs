//! Encodings as an assembler makes them.

use super::{
    Class::{
        self, Barrier, Branch, BranchToRegister, Call, Divide, FloatDivide, FloatMultiplyAdd, FloatPair, Load, LoadPc,
        Multiple, MultipleWithPc, Simple, Status, Store, StoreAtOffset, Table, Unpriced, Untimed,
    },
    Effect::{self, Ahead, If, Jump, Listed, Return, Set, Stack, Stop, Unknown, Writes},
    Instruction,
    Operand::{Aligned, Constant, Indexed, Literal, Registers, Sum, Top},
    Target, decode,
};

/// Returns the instruction at 0x100. For a wide instruction, the lower half of the number is its second half word.
fn decoded(encoding: u32) -> Instruction {
    let [first, second] = [encoding >> 16, encoding & 0xffff].map(|half| half as u16);
    if first > 0 { decode(0x100, first, Some(second)) } else { decode(0x100, second, None) }.unwrap()
}

#[test]
fn what_moves_the_stack_pointer_and_what_runs_next_is_followed() {
    let encodings = [
        (0xb510, Multiple(2), Stack(-8, 0)),                           // push {r4, lr}
        (0xbc08, Multiple(1), Stack(4, 1 << 3)),                       // pop {r3}
        (0xbd10, MultipleWithPc(2), Return(8)),                        // pop {r4, pc}
        (0x4770, BranchToRegister, Return(0)),                         // bx lr
        (0xb084, Simple, Set(13, Sum(13, -16))),                       // sub sp, #16
        (0xb004, Simple, Set(13, Sum(13, 16))),                        // add sp, #16
        (0x44b5, Simple, Set(13, Registers(13, 6, false))),            // add sp, r6
        (0x46b5, Simple, Set(13, Sum(6, 0))),                          // mov sp, r6
        (0xaf02, Simple, Set(7, Sum(13, 8))),                          // add r7, sp, #8
        (0x1fbe, Simple, Set(6, Sum(7, -6))),                          // subs r6, r7, #6
        (0x4e01, Load, Set(6, Literal(0x108))),                        // ldr r6, [pc, #4]
        (0xa104, Simple, Set(1, Constant(0x114))),                     // adr r1, #16
        (0x4798, BranchToRegister, Effect::Call(Target::Register(3))), // blx r3
        (0x4718, BranchToRegister, Jump(Target::Register(3))),         // bx r3
        (0x4697, BranchToRegister, Listed(2)),                         // mov pc, r2
        (0x4487, BranchToRegister, Ahead(0)),                          // add pc, r0
        (0xb3f8, Branch, Effect::Branch(0x182)),                       // cbz r0, .+130
        (0xbf18, Simple, If(1, 1)),                                    // it ne
        (0xbf0c, Simple, If(2, 1)),                                    // ite eq
        (0xde00, Untimed, Stop),                                       // udf #0
        (0xbeab, Untimed, Writes(0b1111)),                             // bkpt 0xab
        (0xdf00, Untimed, Writes(0b1111)),                             // svc
        (0x2807, Simple, Writes(0)),                                   // cmp r0, #7
        (0xc904, Multiple(1), Writes(0b110)),                          // ldm r1!, {r2}
        (0x2003, Simple, Set(0, Constant(3))),                         // movs r0, #3
        (0x46a8, Simple, Set(8, Sum(5, 0))),                           // mov r8, r5
        (0xbf19, Simple, If(4, 3)),                                    // ittee ne
        (0xbb93, Branch, Effect::Branch(0x168)),                       // cbnz r3, #100
        (0xd0fd, Branch, Effect::Branch(0xfe)),                        // beq.n #-6
        (0xe7ce, Branch, Jump(Target::Address(0xa0))),                 // b.n #-100
        (0xe92d_4ff0, Multiple(9), Stack(-36, 0)),                     // push.w {r4-r11, lr}
        (0xe8bd_4ff0, Multiple(9), Stack(36, 0x4ff0)),                 // pop.w {r4-r11, lr}
        (0xe8bd_8ff0, MultipleWithPc(9), Return(36)),                  // pop.w {r4-r11, pc}
        (0xf85d_8b04, Load, Stack(4, 1 << 8)),                         // ldr r8, [sp], #4
        (0xf85d_fb04, LoadPc, Return(4)),                              // ldr pc, [sp], #4
        (0xf84d_8d04, Store, Stack(-4, 0)),                            // str r8, [sp, #-4]!
        (0xe96d_0102, Multiple(2), Stack(-8, 0b111)),                  // strd r0, r1, [sp, #-8]!
        (0xed2d_8b04, Multiple(4), Stack(-16, 0x0910)),                // vpush {d8, d9}
        (0xecbd_8b04, Multiple(4), Stack(16, 0x0910)),                 // vpop {d8, d9}
        (0xf5ad_5d92, Simple, Set(13, Sum(13, -0x1240))),              // sub.w sp, sp, #0x1240
        (0xf2ad_5dbc, Simple, Set(13, Sum(13, -0x5bc))),               // subw sp, sp, #0x5bc
        (0xf20d_5dbc, Simple, Set(13, Sum(13, 0x5bc))),                // addw sp, sp, #0x5bc
        (0xf1a7_0d10, Simple, Set(13, Sum(7, -16))),                   // sub.w sp, r7, #16
        (0xebad_0d04, Simple, Set(13, Registers(13, 4, true))),        // sub.w sp, sp, r4
        (0xf36f_0403, Simple, Set(4, Aligned(4, 16))),                 // bfc r4, #0, #4
        (0xf024_0407, Simple, Set(4, Aligned(4, 8))),                  // bic r4, r4, #7
        (0xf241_2334, Simple, Set(3, Constant(0x1234))),               // movw r3, #0x1234
        (0xf2c2_0300, Simple, Set(3, Top(3, 0x2000))),                 // movt r3, #0x2000
        (0xf44f_5380, Simple, Set(3, Constant(0x1000))),               // mov.w r3, #0x1000
        (0xf20f_0608, Simple, Set(6, Constant(0x10c))),                // addw r6, pc, #8
        (0xeb06_0682, Simple, Set(6, Indexed(6))),                     // add.w r6, r6, r2, lsl #2
        (0xe8df_f000, Table, Effect::Table(1)),                        // tbb [pc, r0]
        (0xe8df_f010, Table, Effect::Table(2)),                        // tbh [pc, r0, lsl #1]
        (0xf850_f021, LoadPc, Jump(Target::Memory)),                   // ldr.w pc, [r0, r1, lsl #2]
        (0xf380_8808, Status, Unknown),                                // msr msp, r0
        (0xf7f0_a000, Untimed, Stop),                                  // udf.w #0
        (0xf000_bbe8, Branch, Jump(Target::Address(0x8d4))),           // b.w #2000
        (0xf040_83e8, Branch, Effect::Branch(0x8d4)),                  // bne.w #2000
        (0xf000_ffd0, Call, Effect::Call(Target::Address(0x10a4))),    // bl #4000
        (0xf04f_10ff, Simple, Set(0, Constant(0xff00ff))),             // mov.w r0, #0x00ff_00ff
        (0xf8df_8064, Load, Set(8, Literal(0x168))),                   // ldr.w r8, [pc, #100]
    ];
    for (encoding, class, effect) in encodings {
        let length = if encoding > 0xffff { 4 } else { 2 };
        assert_eq!(decoded(encoding), Instruction { length, class, effect }, "{encoding:#x}");
    }
}

#[test]
fn the_others_have_their_class_and_only_write_registers() {
    let encodings: &[(Class, &[u32])] = &[
        (Simple, &[0x1888, 0x0088, 0x4348, 0x4248]), // adds, lsls, muls, rsbs
        (Simple, &[0x4590, 0xb2c8, 0xba08, 0xbf00]), // cmp, uxtb, rev, nop
        (Load, &[0x5c88, 0x5e88, 0x6848]),           // ldrb r0, [r1, r2]; ldrsh r0, [r1, r2]; ldr r0, [r1, #4]
        (Load, &[0x8888, 0x9802]),                   // ldrh r0, [r1, #4]; ldr r0, [sp, #8]
        (Store, &[0x5088, 0x5488]),                  // str r0, [r1, r2]; strb r0, [r1, r2]
        (StoreAtOffset, &[0x6048, 0x7108, 0x9002]),  // str r0, [r1, #4]; strb r0, [r1, #4]; str r0, [sp, #8]
        (Multiple(4), &[0xc81e]),                    // ldmia r0!, {r1-r4}
        (Multiple(2), &[0xc006]),                    // stmia r0!, {r1, r2}
        (Status, &[0xb672]),                         // cpsid i
        (Simple, &[0xfb24_5502, 0xfa2f_f484, 0xfa3f_f484, 0xfa2f_f494]), // smlad, sxtb16, uxtb16, sxtb16
        (Simple, &[0xfa25_f486, 0xfa55_f486, 0xfb59_f913, 0xfb01_f002]), // sxtab16, uxtab, smmulr, mul
        (Simple, &[0xfb01_3002, 0xfb01_3012, 0xfb11_3002, 0xfb31_f002]), // mla, mls, smlabb, smulwb
        (Simple, &[0xfb21_f002, 0xfb71_3002, 0xfba2_0103, 0xfbc2_0103]), // smuad, usada8, umull, smlal
        (Simple, &[0xfbe2_0163, 0xfbc2_01c3, 0xf001_300f, 0xf410_7f80]), // umaal, smlald, and, tst.w
        (Simple, &[0xeba1_2002, 0xeba1_1022, 0xea81_10f2, 0xea4f_2828]), // sub, sub.w, eor.w, asr.w
        (Simple, &[0xeac1_4002, 0xebb0_0f81, 0xfa01_f002, 0xf341_1003]), // pkhbt, cmp.w, lsl.w, sbfx
        (Simple, &[0xf3c1_1003, 0xf361_1007, 0xf301_0007, 0xf3a1_0008]), // ubfx, bfi, ssat, usat16
        (Simple, &[0xfa91_f002, 0xfac1_f052, 0xfa81_f062, 0xfaa1_f082]), // sadd16, uqsub8, uhadd8, sel
        (Simple, &[0xfa82_f081, 0xfa91_f0a1, 0xfab1_f081, 0xf3af_8000]), // qadd, rbit, clz, nop.w
        (Divide, &[0xfbb1_f0f2, 0xfb91_f0f2]),       // udiv, sdiv
        (Load, &[0xf8d1_0190, 0xf851_0022]),         // ldr.w r0, [r1, #400]; ldr.w r0, [r1, r2, lsl #2]
        (Load, &[0xf851_0b04, 0xf811_0002, 0xf811_0b01]), // ldr r0, [r1], #4; ldrb.w r0, [r1, r2]; ldrb r0, [r1], #1
        (Load, &[0xf991_0064, 0xf931_0c04]),         // ldrsb.w r0, [r1, #100]; ldrsh r0, [r1, #-4]
        (Load, &[0xe851_0f00, 0xe8c2_1f40]),         // ldrex r0, [r1]; strexb r0, r1, [r2]
        (StoreAtOffset, &[0xf8c1_0190, 0xf801_0c04]), // str.w r0, [r1, #400]; strb r0, [r1, #-4]
        (Store, &[0xf801_0b01, 0xf841_0f04]),        // strb r0, [r1], #1; str r0, [r1, #4]!
        (Store, &[0xf821_8002]),                     // strh.w r8, [r1, r2]
        (Multiple(2), &[0xe8f0_2302, 0xe9d3_4e02]),  // ldrd r2, r3, [r0], #8; ldrd r4, lr, [r3, #8]
        (Multiple(2), &[0xe9c2_9504, 0xe930_0300]),  // strd r9, r5, [r2, #16]; ldmdb r0!, {r8, r9}
        (Status, &[0xf3ef_8010, 0xf380_8810]),       // mrs r0, primask; msr primask, r0
        (Barrier, &[0xf3bf_8f5f]),                   // dmb sy
        (FloatMultiplyAdd, &[0xeea0_0a81, 0xeed0_0a81, 0xee00_0a81]), // vfma.f32; vfnms.f32; vmla.f32
        (FloatDivide, &[0xee80_0a81, 0xeeb1_0ae0]),  // vdiv.f32; vsqrt.f32
        (Simple, &[0xee20_0a81, 0xee70_fa81, 0xee30_0ac1, 0xeeb0_0ae0]), // vmul.f32, vadd.f32, vsub.f32, vabs.f32
        (Simple, &[0xeeb5_0a40, 0xeeb2_0a60, 0xeeb2_0ae0]), // vcmp.f32, vcvtb.f32.f16, vcvtt.f32.f16
        (Simple, &[0xeeb3_0a60, 0xeeb8_0a60, 0xeebd_0ae0]), // vcvtb.f16.f32, vcvt.f32.u32, vcvt.s32.f32
        (Simple, &[0xeebd_0a60, 0xeeba_0acc, 0xeeb0_0a60, 0xeeb7_0a00]), // vcvtr.s32.f32, vcvt.f32.s32, vmov, vmov
        (Simple, &[0xee00_1a10, 0xee10_1a10, 0xeef1_fa10]), // vmov, vmov, vmrs
        (FloatPair, &[0xec51_0a11, 0xec41_0b10]),    // vmov r0, r1, s2, s3; vmov d0, r0, r1
        (Load, &[0xed91_0a01]),                      // vldr s0, [r1, #4]
        (Store, &[0xed81_0a01]),                     // vstr s0, [r1, #4]
        (Multiple(2), &[0xed91_0b02]),               // vldr d0, [r1, #8]
        (Multiple(8), &[0xecb0_0a08]),               // vldmia r0!, {s0-s7}
        (Unpriced, &[0xe8d1_0faf, 0xe8c1_0faf, 0xe8d1_0fef, 0xe8c1_0fe2]), // lda, stl, ldaex, stlex
        (Unpriced, &[0xfe00_0a81, 0xfe31_0a01, 0xfe80_0a81, 0xfe80_0ac1]), // vseleq, vselgt, vmaxnm, vminnm
        (Unpriced, &[0xfeb8_0a60, 0xfefd_0ae0, 0xeeb6_0ae0, 0xeeb7_0a60]), // vrinta, vcvtn.s32, vrintz, vrintx
    ];
    for (class, encodings) in encodings {
        for &encoding in *encodings {
            let Instruction { class: decoded, effect, .. } = decoded(encoding);
            assert_eq!(decoded, *class, "{encoding:#x}");
            assert!(matches!(effect, Writes(_)), "{encoding:#x}: {effect:?}");
        }
    }
}

#[test]
fn a_wide_instruction_is_said_to_write_what_it_names() {
    // mla r0, r1, r2, r3; ldrd r4, lr, [r3, #8]; vmov r0, r1, s2, s3
    for (encoding, registers) in
        [(0xfb01_3002, 0b1111), (0xe9d3_4e02, 1 << 14 | 0b1_1100), (0xec51_0a11, 0b100_0000_0011)]
    {
        assert_eq!(decoded(encoding).effect, Writes(registers), "{encoding:#x}");
    }
}

#[test]
fn what_is_not_known_has_no_timing_and_may_do_anything() {
    let unknown = [
        0xc000, // stmia without registers
        0x4701, // bx with bits that must be 0
        0xb680,
        0xf7ff_8fff, // smc
        0xf000_c000, // blx
        0xeaa0_0001, // an operation without an encoding
        0xf890_f000, // pld
        0xf850_0801,
        0xf8cf_0004, // str r0, [pc, #4]
        0xfb10_f0c2,
        0xfbb0_f0e2,
        0xee81_0b02, // vdiv.f64
        0xfe00_0b81, // vseleq.f64
        0xee00_0e10, // another coprocessor
        0xffff_ffff,
    ];
    for encoding in unknown {
        let Instruction { class, effect, .. } = decoded(encoding);
        assert_eq!((class, effect), (Untimed, Unknown), "{encoding:#x}");
    }
    assert_eq!(decode(0, 0xe92d, None), None);
}
