//! Counts the instructions of a GPU's machine code, as `cuobjdump --dump-sass` prints it, to show the inner loop of each kernel.
//!
//! A term can be added to a sum only when the term before it is added. So a thread computes several independent sums: while it waits for one
//! fused multiply-add (`FFMA`), it issues those of the other sums. Each other instruction of the loop takes an issue slot from the FFMAs. This
//! module reads a listing, divides it into straight-line blocks, and takes for each kernel the block with the most FFMAs.

use std::collections::{BTreeMap, BTreeSet};

/// One kernel's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The name that the driver knows.
    pub name: String,
    /// The number of its instructions, without the padding at its end.
    pub instructions: usize,
    /// The straight-line block with the most FFMAs. `None` if there is no FFMA.
    pub block: Option<Block>,
}

/// A piece of code that is entered only at its start and left only at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The number of its instructions.
    pub instructions: usize,
    /// The number of its fused multiply-adds.
    pub fma: usize,
    /// The number of its reads of shared memory, of any width.
    pub shared_reads: usize,
    /// The number of its sums: chains of FFMAs, each of which adds to the one before.
    pub chains: usize,
}

impl Block {
    /// Returns the number of instructions that a thread issues for one term of all its sums. The smallest possible number is 1 for each sum.
    pub fn slots_for_a_term(&self) -> f64 {
        self.instructions as f64 * self.chains as f64 / self.fma as f64
    }
}

/// Returns the kernels of a listing, in its order. Another text has no kernels.
pub fn kernels(listing: &str) -> Vec<Kernel> {
    let mut kernels: Vec<(String, Vec<Instruction<'_>>)> = Vec::new();
    for line in listing.lines() {
        if let Some((_, name)) = line.split_once("Function : ") {
            kernels.push((name.trim().to_owned(), Vec::new()));
        } else if let (Some((_, code)), Some(instruction)) = (kernels.last_mut(), Instruction::read(line)) {
            code.push(instruction);
        }
    }
    kernels.into_iter().map(|(name, code)| kernel(name, &code)).collect()
}

fn kernel(name: String, code: &[Instruction<'_>]) -> Kernel {
    let end = code.iter().rposition(|instruction| !instruction.is_padding()).map_or(0, |last| last + 1);
    let code = &code[..end];
    // Wherever an address is named, something may jump to.
    let targets: BTreeSet<_> = code.iter().filter_map(Instruction::target).collect();
    let mut blocks = vec![Vec::new()];
    for instruction in code {
        if targets.contains(&instruction.address) {
            blocks.push(Vec::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push(instruction);
        }
        if instruction.leaves() {
            blocks.push(Vec::new());
        }
    }
    // Of several with as many, the shortest.
    let blocks = blocks.iter().map(|block| count(block)).filter(|block| block.fma > 0);
    let block = blocks.max_by_key(|block| (block.fma, usize::MAX - block.instructions));
    Kernel { name, instructions: code.len(), block }
}

/// Counts a block.
fn count(code: &[&Instruction<'_>]) -> Block {
    let mut block = Block { instructions: code.len(), ..Block::default() };
    // Registers that hold a sum now.
    let mut sums = BTreeMap::new();
    for instruction in code {
        let destination = instruction.operands.first().copied().unwrap_or_default();
        if instruction.is("FFMA") {
            block.fma += 1;
            let added_to = instruction.operands.get(3).copied().unwrap_or_default();
            let chain = sums.remove(added_to).unwrap_or_else(|| {
                block.chains += 1;
                block.chains
            });
            sums.insert(destination, chain);
        } else {
            block.shared_reads += usize::from(instruction.is("LDS"));
            sums.remove(destination);
        }
    }
    block
}

/// An instruction of a listing.
#[derive(Debug)]
struct Instruction<'a> {
    address: u64,
    /// The name with its modifiers, such as `LDS.128`.
    name: &'a str,
    /// The operands, without `.reuse` and signs.
    operands: Vec<&'a str>,
}

impl<'a> Instruction<'a> {
    /// Reads `/*0040*/ @!P0 FFMA R1, R2, R3.reuse, R1 ; /* 0x… */`. Returns `None` for other lines.
    fn read(line: &'a str) -> Option<Self> {
        let (address, rest) = line.trim_start().strip_prefix("/*")?.split_once("*/")?;
        let address = u64::from_str_radix(address.trim(), 16).ok()?;
        let text = rest.split_once(';')?.0.trim();
        let text = if text.starts_with('@') { text.split_once(char::is_whitespace)?.1.trim_start() } else { text };
        let (name, operands) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let operand = |operand: &'a str| {
            let operand = operand.trim().trim_start_matches(['-', '|', '~']).trim_end_matches('|');
            operand.split_once(".reuse").map_or(operand, |(register, _)| register)
        };
        Some(Self { address, name, operands: operands.split(',').map(operand).collect() })
    }

    /// Returns true if the instruction has this name, with any modifiers.
    fn is(&self, name: &str) -> bool {
        self.name.split('.').next() == Some(name)
    }

    /// Returns the address to which the instruction may jump: the target, or the place where threads meet again.
    fn target(&self) -> Option<u64> {
        if !["BRA", "BSSY", "CALL", "JMP", "WARPSYNC"].iter().any(|name| self.is(name)) {
            return None;
        }
        let last = self.operands.last()?.trim_start_matches('`').trim_matches(['(', ')']);
        u64::from_str_radix(last.strip_prefix("0x")?, 16).ok()
    }

    /// Returns true if another instruction than the one below may follow.
    fn leaves(&self) -> bool {
        ["BRA", "BRX", "BRXU", "BSYNC", "BREAK", "CALL", "EXIT", "JMP", "JMX", "RET"].iter().any(|name| self.is(name))
    }

    /// Returns true for an instruction that fills the end: one that does nothing, or a jump to itself.
    fn is_padding(&self) -> bool {
        self.is("NOP") || self.is("BRA") && self.target() == Some(self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sums a thread, four terms in a turn of the loop; then a kernel without any sum.
    const LISTING: &str = "\
Fatbin elf code:
================
arch = sm_90

\tcode for sm_90
\t\tFunction : linear_forward_latency
\t.headerflags\t@\"EF_CUDA_SM90\"
        /*0000*/                   LDC R1, c[0x0][0x28] ;                /* 0x00000a00ff017b82 */
                                                                         /* 0x000fe20000000800 */
        /*0010*/              @P0  BRA 0xb0 ;                            /* 0x0 */
        /*0020*/                   FFMA R9, R4, R5, RZ ;                 /* 0x0 */
        /*0030*/                   LDS.128 R4, [R2] ;                    /* 0x0 */
        /*0040*/                   LDS.128 R8, [R2+0x10] ;               /* 0x0 */
        /*0050*/                   FFMA R12, R4.reuse, R8, R12 ;         /* 0x0 */
        /*0060*/                   FFMA R13, R4, -R9, R13 ;              /* 0x0 */
        /*0070*/                   FFMA R14, R5, R8, R12 ;               /* 0x0 */
        /*0080*/              @!P1 FFMA R13, R5, R9, R13 ;               /* 0x0 */
        /*0090*/                   IADD3 R2, R2, 0x20, RZ ;              /* 0x0 */
        /*00a0*/               @P1 BRA 0x30 ;                            /* 0x0 */
        /*00b0*/                   EXIT ;                                /* 0x0 */
        /*00c0*/                   BRA 0xc0;                             /* 0x0 */
        /*00d0*/                   NOP;                                  /* 0x0 */
\t\t..........

\t\tFunction : load
        /*0000*/                   MOV R1, 0x1 ;                         /* 0x0 */
        /*0010*/                   EXIT ;                                /* 0x0 */
";

    #[test]
    fn the_loop_is_counted_and_nothing_beside_it() {
        let kernels = kernels(LISTING);
        assert_eq!(kernels.iter().map(|kernel| &*kernel.name).collect::<Vec<_>>(), ["linear_forward_latency", "load"]);
        assert_eq!(kernels[0].instructions, 12);
        let block = kernels[0].block.as_ref().unwrap();
        assert_eq!(*block, Block { instructions: 8, fma: 4, shared_reads: 2, chains: 2 });
        assert_eq!(block.slots_for_a_term().to_bits(), 4.0_f64.to_bits());
        assert_eq!(kernels[1], Kernel { name: "load".into(), instructions: 2, block: None });
    }

    #[test]
    fn a_register_that_something_else_overwrites_starts_another_sum() {
        let listing = "Function : k\n/*0*/ FFMA R1, R2, R3, R1 ;\n/*1*/ FFMA R1, R2, R3, R1 ;\n/*2*/ MOV R1, RZ ;\n\
                       /*3*/ FFMA R1, R2, R3, R1 ;\n/*4*/ FFMA.FTZ R5, R2, |R3|, R1.reuse ;";
        let block = kernels(listing)[0].block.clone().unwrap();
        assert_eq!((block.fma, block.chains), (4, 2));
    }

    #[test]
    fn another_text_has_no_kernels() {
        assert!(kernels("").is_empty() && kernels("cuobjdump fatal   : no file\n/*0000*/ NOP ;").is_empty());
    }
}
