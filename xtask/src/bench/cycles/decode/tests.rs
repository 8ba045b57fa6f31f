//! Encodings as an assembler makes them.

use super::{
    super::timing::Class::{
        self, Barrier, Branch, BranchToRegister, Call, Divide, FloatDivide, FloatMultiplyAdd, FloatPair, Load, LoadPc,
        Multiple, MultipleWithPc, Simple, Status, Store, StoreAtOffset, Table,
    },
    Instruction, decode,
};

fn wide(first: u16, second: u16, class: Class) {
    let decoded = decode(first, second);
    assert_eq!(decoded, Some(Instruction { bytes: 4, class }), "{first:04x} {second:04x}");
}

#[test]
fn half_words_have_their_class() {
    let encodings = [
        (0x2003, Simple),            // movs r0, #3
        (0x1888, Simple),            // adds r0, r1, r2
        (0x0088, Simple),            // lsls r0, r1, #2
        (0x4348, Simple),            // muls r0, r1, r0
        (0x4248, Simple),            // rsbs r0, r1, #0
        (0x4590, Simple),            // cmp r8, r2
        (0x46a8, Simple),            // mov r8, r5
        (0xb004, Simple),            // add sp, #16
        (0xa002, Simple),            // adr r0, #8
        (0xb2c8, Simple),            // uxtb r0, r1
        (0xba08, Simple),            // rev r0, r1
        (0xbf08, Simple),            // it eq
        (0xbf19, Simple),            // ittee ne
        (0xbf00, Simple),            // nop
        (0x4770, BranchToRegister),  // bx lr
        (0x4798, BranchToRegister),  // blx r3
        (0x469f, BranchToRegister),  // mov pc, r3
        (0x4804, Load),              // ldr r0, [pc, #16]
        (0x5c88, Load),              // ldrb r0, [r1, r2]
        (0x5e88, Load),              // ldrsh r0, [r1, r2]
        (0x6848, Load),              // ldr r0, [r1, #4]
        (0x8888, Load),              // ldrh r0, [r1, #4]
        (0x9802, Load),              // ldr r0, [sp, #8]
        (0x5088, Store),             // str r0, [r1, r2]
        (0x5488, Store),             // strb r0, [r1, r2]
        (0x6048, StoreAtOffset),     // str r0, [r1, #4]
        (0x7108, StoreAtOffset),     // strb r0, [r1, #4]
        (0x9002, StoreAtOffset),     // str r0, [sp, #8]
        (0xb530, Multiple(3)),       // push {r4, r5, lr}
        (0xbc04, Multiple(1)),       // pop {r2}
        (0xbd30, MultipleWithPc(3)), // pop {r4, r5, pc}
        (0xc81e, Multiple(4)),       // ldmia r0!, {r1, r2, r3, r4}
        (0xc006, Multiple(2)),       // stmia r0!, {r1, r2}
        (0xb120, Branch),            // cbz r0, #8
        (0xbb93, Branch),            // cbnz r3, #100
        (0xd0fd, Branch),            // beq.n #-6
        (0xe7ce, Branch),            // b.n #-100
        (0xb672, Status),            // cpsid i
    ];
    for (half, class) in encodings {
        assert_eq!(decode(half, 0), Some(Instruction { bytes: 2, class }), "{half:04x}");
    }
}

#[test]
fn words_have_their_class() {
    let encodings = [
        (0xf000, 0xbbe8, Branch),            // b.w #2000
        (0xf040, 0x83e8, Branch),            // bne.w #2000
        (0xf000, 0xffd0, Call),              // bl #4000
        (0xfb24, 0x5502, Simple),            // smlad r5, r4, r2, r5
        (0xfa2f, 0xf484, Simple),            // sxtb16 r4, r4
        (0xfa3f, 0xf484, Simple),            // uxtb16 r4, r4
        (0xfa2f, 0xf494, Simple),            // sxtb16 r4, r4, ror #8
        (0xfa25, 0xf486, Simple),            // sxtab16 r4, r5, r6
        (0xfa55, 0xf486, Simple),            // uxtab r4, r5, r6
        (0xfb59, 0xf913, Simple),            // smmulr r9, r9, r3
        (0xfb01, 0xf002, Simple),            // mul r0, r1, r2
        (0xfb01, 0x3002, Simple),            // mla r0, r1, r2, r3
        (0xfb01, 0x3012, Simple),            // mls r0, r1, r2, r3
        (0xfb11, 0x3002, Simple),            // smlabb r0, r1, r2, r3
        (0xfb31, 0xf002, Simple),            // smulwb r0, r1, r2
        (0xfb21, 0xf002, Simple),            // smuad r0, r1, r2
        (0xfb71, 0x3002, Simple),            // usada8 r0, r1, r2, r3
        (0xfba2, 0x0103, Simple),            // umull r0, r1, r2, r3
        (0xfbc2, 0x0103, Simple),            // smlal r0, r1, r2, r3
        (0xfbe2, 0x0163, Simple),            // umaal r0, r1, r2, r3
        (0xfbc2, 0x01c3, Simple),            // smlald r0, r1, r2, r3
        (0xfbb1, 0xf0f2, Divide),            // udiv r0, r1, r2
        (0xfb91, 0xf0f2, Divide),            // sdiv r0, r1, r2
        (0xf241, 0x2034, Simple),            // movw r0, #4660
        (0xf2c1, 0x2034, Simple),            // movt r0, #4660
        (0xf001, 0x300f, Simple),            // and r0, r1, #252645135
        (0xf021, 0x00ff, Simple),            // bic r0, r1, #255
        (0xf04f, 0x10ff, Simple),            // mov.w r0, #16711935
        (0xf410, 0x7f80, Simple),            // tst.w r0, #256
        (0xeba1, 0x2002, Simple),            // sub r0, r1, r2, lsl #8
        (0xeba1, 0x1022, Simple),            // sub.w r0, r1, r2, asr #4
        (0xea81, 0x10f2, Simple),            // eor.w r0, r1, r2, ror #7
        (0xea4f, 0x2828, Simple),            // asr.w r8, r8, #8
        (0xeac1, 0x4002, Simple),            // pkhbt r0, r1, r2, lsl #16
        (0xebb0, 0x0f81, Simple),            // cmp.w r0, r1, lsl #2
        (0xfa01, 0xf002, Simple),            // lsl.w r0, r1, r2
        (0xf601, 0x70ff, Simple),            // addw r0, r1, #4095
        (0xf341, 0x1003, Simple),            // sbfx r0, r1, #4, #4
        (0xf3c1, 0x1003, Simple),            // ubfx r0, r1, #4, #4
        (0xf361, 0x1007, Simple),            // bfi r0, r1, #4, #4
        (0xf301, 0x0007, Simple),            // ssat r0, #8, r1
        (0xf3a1, 0x0008, Simple),            // usat16 r0, #8, r1
        (0xfa91, 0xf002, Simple),            // sadd16 r0, r1, r2
        (0xfac1, 0xf052, Simple),            // uqsub8 r0, r1, r2
        (0xfa81, 0xf062, Simple),            // uhadd8 r0, r1, r2
        (0xfaa1, 0xf082, Simple),            // sel r0, r1, r2
        (0xfa82, 0xf081, Simple),            // qadd r0, r1, r2
        (0xfa91, 0xf0a1, Simple),            // rbit r0, r1
        (0xfab1, 0xf081, Simple),            // clz r0, r1
        (0xf3af, 0x8000, Simple),            // nop.w
        (0xf8d1, 0x0190, Load),              // ldr.w r0, [r1, #400]
        (0xf851, 0x0022, Load),              // ldr.w r0, [r1, r2, lsl #2]
        (0xf851, 0x0b04, Load),              // ldr r0, [r1], #4
        (0xf811, 0x0002, Load),              // ldrb.w r0, [r1, r2]
        (0xf811, 0x0b01, Load),              // ldrb r0, [r1], #1
        (0xf991, 0x0064, Load),              // ldrsb.w r0, [r1, #100]
        (0xf931, 0x0c04, Load),              // ldrsh r0, [r1, #-4]
        (0xf8df, 0x8064, Load),              // ldr.w r8, [pc, #100]
        (0xf851, 0xf022, LoadPc),            // ldr.w pc, [r1, r2, lsl #2]
        (0xf8c1, 0x0190, StoreAtOffset),     // str.w r0, [r1, #400]
        (0xf801, 0x0c04, StoreAtOffset),     // strb r0, [r1, #-4]
        (0xf801, 0x0b01, Store),             // strb r0, [r1], #1
        (0xf841, 0x0f04, Store),             // str r0, [r1, #4]!
        (0xf821, 0x8002, Store),             // strh.w r8, [r1, r2]
        (0xe8f0, 0x2302, Multiple(2)),       // ldrd r2, r3, [r0], #8
        (0xe9d3, 0x4e02, Multiple(2)),       // ldrd r4, lr, [r3, #8]
        (0xe9c2, 0x9504, Multiple(2)),       // strd r9, r5, [r2, #16]
        (0xe92d, 0x4ff4, Multiple(10)),      // push {r2, r4, r5, r6, r7, r8, r9, r10, r11, lr}
        (0xe930, 0x0300, Multiple(2)),       // ldmdb r0!, {r8, r9}
        (0xe8bd, 0x8ff0, MultipleWithPc(9)), // pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}
        (0xe8df, 0xf000, Table),             // tbb [pc, r0]
        (0xe8df, 0xf010, Table),             // tbh [pc, r0, lsl #1]
        (0xe851, 0x0f00, Load),              // ldrex r0, [r1]
        (0xe8c2, 0x1f40, Load),              // strexb r0, r1, [r2]
        (0xf3ef, 0x8010, Status),            // mrs r0, primask
        (0xf380, 0x8810, Status),            // msr primask, r0
        (0xf3bf, 0x8f5f, Barrier),           // dmb sy
    ];
    encodings.into_iter().for_each(|(first, second, class)| wide(first, second, class));
}

#[test]
fn floating_point_has_its_class() {
    let encodings = [
        (0xeea0, 0x0a81, FloatMultiplyAdd), // vfma.f32 s0, s1, s2
        (0xeed0, 0x0a81, FloatMultiplyAdd), // vfnms.f32 s1, s1, s2
        (0xee00, 0x0a81, FloatMultiplyAdd), // vmla.f32 s0, s1, s2
        (0xee80, 0x0a81, FloatDivide),      // vdiv.f32 s0, s1, s2
        (0xeeb1, 0x0ae0, FloatDivide),      // vsqrt.f32 s0, s1
        (0xee20, 0x0a81, Simple),           // vmul.f32 s0, s1, s2
        (0xee70, 0xfa81, Simple),           // vadd.f32 s31, s1, s2
        (0xee30, 0x0ac1, Simple),           // vsub.f32 s0, s1, s2
        (0xeeb0, 0x0ae0, Simple),           // vabs.f32 s0, s1
        (0xeeb5, 0x0a40, Simple),           // vcmp.f32 s0, #0.0
        (0xeeb2, 0x0a60, Simple),           // vcvtb.f32.f16 s0, s1
        (0xeeb2, 0x0ae0, Simple),           // vcvtt.f32.f16 s0, s1
        (0xeeb3, 0x0a60, Simple),           // vcvtb.f16.f32 s0, s1
        (0xeeb8, 0x0a60, Simple),           // vcvt.f32.u32 s0, s1
        (0xeebd, 0x0ae0, Simple),           // vcvt.s32.f32 s0, s1
        (0xeebd, 0x0a60, Simple),           // vcvtr.s32.f32 s0, s1
        (0xeeba, 0x0acc, Simple),           // vcvt.f32.s32 s0, s0, #8
        (0xeeb0, 0x0a60, Simple),           // vmov.f32 s0, s1
        (0xeeb7, 0x0a00, Simple),           // vmov.f32 s0, #1.0
        (0xee00, 0x1a10, Simple),           // vmov s0, r1
        (0xee10, 0x1a10, Simple),           // vmov r1, s0
        (0xeef1, 0xfa10, Simple),           // vmrs APSR_nzcv, fpscr
        (0xec51, 0x0a11, FloatPair),        // vmov r0, r1, s2, s3
        (0xec41, 0x0b10, FloatPair),        // vmov d0, r0, r1
        (0xed91, 0x0a01, Load),             // vldr s0, [r1, #4]
        (0xed81, 0x0a01, Store),            // vstr s0, [r1, #4]
        (0xed91, 0x0b02, Multiple(2)),      // vldr d0, [r1, #8]
        (0xecb0, 0x0a08, Multiple(8)),      // vldmia r0!, {s0, s1, s2, s3, s4, s5, s6, s7}
        (0xed2d, 0x8b10, Multiple(16)),     // vpush {d8, d9, d10, d11, d12, d13, d14, d15}
        (0xecbd, 0x8a04, Multiple(4)),      // vpop {s16, s17, s18, s19}
    ];
    encodings.into_iter().for_each(|(first, second, class)| wide(first, second, class));
}

#[test]
fn what_is_not_known_has_no_class() {
    let unknown = [
        (0xbe00, 0), // bkpt
        (0xdf00, 0), // svc
        (0xde00, 0), // udf
        (0xc000, 0), // stmia without registers
        (0x4701, 0), // bx with bits that must be 0
        (0xb680, 0),
        (0xf7f0, 0xa000), // udf.w
        (0xf7ff, 0x8fff), // smc
        (0xf000, 0xc000), // blx
        (0xeaa0, 0x0001), // an operation without an encoding
        (0xf890, 0xf000), // pld
        (0xf850, 0x0801),
        (0xfb10, 0xf0c2),
        (0xfbb0, 0xf0e2),
        (0xee81, 0x0b02), // vdiv.f64
        (0xfe00, 0x0a81), // vseleq.f32
        (0xee00, 0x0e10), // another coprocessor
        (0xffff, 0xffff),
    ];
    for (first, second) in unknown {
        assert_eq!(decode(first, second), None, "{first:04x} {second:04x}");
    }
}
