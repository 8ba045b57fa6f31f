//! Tests the engine against plain loops, bit for bit, with every instruction set and one to eight threads.

use std::sync::LazyLock;

use proptest::prelude::*;
use selvedge::{
    Identity, Portable, Relu,
    arithmetic::fma,
    optimizer::{Gradient, Sgd},
};

use super::*;

/// The largest number of an engine's threads. Under Miri, which is slow, there are engines of one and two threads, and few small shapes.
const MOST_THREADS: usize = if cfg!(miri) { 2 } else { 8 };

/// An engine for each instruction set (or only the forced one) and each number of threads.
static ENGINES: LazyLock<Vec<Simd>> = LazyLock::new(|| {
    let forced = std::env::var_os(InstructionSet::VARIABLE).is_some_and(|name| !name.is_empty());
    let sets: Vec<_> = match forced {
        true => vec![InstructionSet::from_environment().unwrap()],
        false => InstructionSet::available().collect(),
    };
    let threads = (1..=MOST_THREADS).map(|threads| NonZero::new(threads).unwrap());
    threads.flat_map(|threads| sets.iter().map(move |&set| Simd::new(set, threads).unwrap())).collect()
});

/// Returns engines of all instruction sets, each with its own number of threads.
fn engines(seed: usize) -> impl Iterator<Item = &'static Simd> {
    let sets = ENGINES.len() / MOST_THREADS;
    (0..sets).map(move |set| &ENGINES[(seed + 3 * set) % MOST_THREADS * sets + set])
}

/// Returns the bits. Every NaN is the same number: which NaN an invalid operation gives is outside the contract.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| if x.is_nan() { f32::NAN } else { *x }.to_bits()).collect()
}

/// Returns numbers that are half zeros of both signs, as activations have, or hardly any. The others have one magnitude, with subnormals and
/// infinities among them.
fn numbers() -> impl Strategy<Value = Vec<f32>> {
    // Products of the small ones vanish, and their sums are zeros of both signs.
    let scale = prop_oneof![4 => Just(1.0), 2 => Just(1e-22), 1 => Just(1e-30)];
    let infinities = prop_oneof![3 => Just(0), 1 => Just(1)];
    let zeros = prop_oneof![2 => Just(200), 1 => Just(4)];
    (scale, infinities, zeros).prop_flat_map(|(scale, infinities, zeros)| {
        let number = prop_oneof![
            200 => (-4.0f32..4.0).prop_map(move |x| scale * x),
            zeros => prop_oneof![Just(0.0), Just(-0.0)],
            20 => (1u32..0x0080_0000, any::<bool>()).prop_map(|(b, s)| f32::from_bits(b | u32::from(s) << 31)),
            infinities => prop_oneof![Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(f32::MAX), Just(f32::NAN)],
        ];
        prop::collection::vec(number, 997)
    })
}

/// Returns this number of the numbers, over and over.
fn take(numbers: &[f32], first: usize, count: usize) -> Vec<f32> {
    numbers.iter().cycle().skip(first % numbers.len()).take(count).copied().collect()
}

fn by_rows(elements: &[f32], stride: usize) -> Matrix<'_> {
    Matrix::ByRows { elements, stride }
}

fn by_columns(elements: &[f32], stride: usize) -> Matrix<'_> {
    Matrix::ByColumns { elements, stride }
}

/// Returns the product by one plain chain for each element.
fn chains(product: &Product<'_>) -> Vec<f32> {
    let chain = |m, n| {
        let start = product.start.map_or(0.0, |start| start[n]);
        (0..product.terms).fold(start, |sum, r| fma(product.a.at(m, r), product.b.at(r, n), sum))
    };
    (0..product.rows).flat_map(|m| (0..product.columns).map(move |n| chain(m, n))).collect()
}

fn check(product: &Product<'_>, seed: usize) -> Result<(), TestCaseError> {
    let expected = bits(&chains(product));
    for engine in engines(seed) {
        for grid in [engine.by_rows(product), engine.by_columns(product), Grid { rows: 1, columns: engine.threads() }] {
            let mut found = vec![9.0; product.rows * product.columns];
            let target = Target::new(&mut found, product.columns);
            engine.compute(product, grid, || Forward::<Identity>::new(target));
            prop_assert!(
                bits(&found) == expected,
                "{} on {} threads: {} rows, {} columns, {} terms",
                engine.instructions(),
                engine.threads(),
                product.rows,
                product.columns,
                product.terms
            );
        }
    }
    Ok(())
}

/// Checks a whole layer, forward and backward.
fn check_layer([inputs, outputs]: [usize; 2], batch: usize, numbers: &[f32], seed: usize) -> Result<(), TestCaseError> {
    let widths = Widths { inputs, outputs };
    let parameters = take(numbers, 0, (inputs + 1) * outputs);
    let (input, grad_sums) = (take(numbers, 100, batch * inputs), take(numbers, 200, batch * outputs));

    let relu = {
        let mut output = vec![9.0; grad_sums.len()];
        Portable.linear_forward::<Relu>(widths, &parameters, &input, &mut output);
        bits(&output)
    };
    let at_rest = AtRest::new(widths, &parameters).unwrap();
    for engine in engines(seed) {
        for samples in [batch, 1, 3] {
            let (input, mut output) = (&input[..samples.min(batch) * inputs], vec![9.0; samples.min(batch) * outputs]);
            engine.forward_at_rest::<Relu>(&at_rest, input, &mut output);
            prop_assert!(
                bits(&output) == relu[..output.len()],
                "{inputs}-{outputs} at rest, {samples} samples: {} on {} threads",
                engine.instructions(),
                engine.threads()
            );
        }
    }

    // All that one engine makes of it: outputs, input gradients, gradients, updated parameters.
    fn passes(
        engine: &impl Engine,
        widths: Widths,
        parameters: &[f32],
        input: &[f32],
        grad_sums: &[f32],
    ) -> [Vec<u32>; 4] {
        let (mut output, mut grad_input) = (vec![9.0; grad_sums.len()], vec![9.0; input.len()]);
        let (mut updated, mut grad) = (parameters.to_vec(), vec![9.0; parameters.len()]);
        engine.linear_forward::<Relu>(widths, parameters, input, &mut output);
        engine.linear_input_grad::<Relu>(widths, parameters, grad_sums, input, &mut grad_input);
        engine.linear_update::<_, _, 128>(&Gradient, widths, input, grad_sums, &mut updated, [&mut grad]);
        engine.linear_update::<_, _, 128>(&Sgd::new(0.25), widths, input, grad_sums, &mut updated, []);
        [&output, &grad_input, &grad, &updated].map(|values| bits(values))
    }

    let expected = passes(&Portable, widths, &parameters, &input, &grad_sums);
    for engine in engines(seed) {
        let found = passes(engine, widths, &parameters, &input, &grad_sums);
        for (what, (found, expected)) in
            ["outputs", "input gradients", "gradients", "update"].iter().zip(found.iter().zip(&expected))
        {
            prop_assert!(
                found == expected,
                "{what} of {inputs}-{outputs}, {batch} samples: {} on {} threads",
                engine.instructions(),
                engine.threads()
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 160 }))]

    #[test]
    fn products_of_any_shape_are_plain_chains(
        [rows, columns, terms] in prop::array::uniform3(0usize..if cfg!(miri) { 20 } else { 70 }),
        numbers in numbers(),
        seed: usize,
    ) {
        let (a, b) = (take(&numbers, seed, rows * terms), take(&numbers, seed / 997, terms * columns));
        let start = take(&numbers, 500, columns);
        for a in [by_rows(&a, terms), by_columns(&a, rows)] {
            for b in [by_rows(&b, columns), by_columns(&b, terms)] {
                for start in [None, Some(&*start)] {
                    check(&Product { a, b, start, rows, columns, terms }, seed)?;
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 24 }))]

    #[test]
    fn layers_have_portables_bits(
        widths in prop::array::uniform2(1_usize..if cfg!(miri) { 20 } else { 300 }),
        batch in 1_usize..if cfg!(miri) { 10 } else { 150 },
        numbers in numbers(),
        seed: usize,
    ) {
        let wide = if cfg!(miri) { [18, 33] } else { [64, 200] };
        for widths in [[1, 1], [5, 3], wide, widths] {
            check_layer(widths, batch, &numbers, seed)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2))]

    #[test]
    #[cfg_attr(miri, ignore = "takes hours in an interpreter; smaller layers take the same ways")]
    fn the_quickstarts_layers_have_portables_bits(batch in 1usize..70, numbers in numbers(), seed: usize) {
        check_layer([784, 512], batch, &numbers, seed)?;
        check_layer([512, 512], batch, &numbers, seed)?;
        check_layer([512, 10], batch, &numbers, seed)?;
    }
}

/// More rows than rest in memory at a time, and a panel that is not finite after one that is.
#[test]
#[cfg_attr(miri, ignore = "blocks are large: millions of multiply-adds take hours in an interpreter")]
fn blocks_of_rows_and_of_terms_follow_each_other() {
    let (rows, columns, terms) = (300, 40, 150);
    let number = |index: usize| if index.is_multiple_of(3) { 0.0 } else { (index % 17) as f32 - 8.0 };
    let a: Vec<f32> = (0..rows * terms).map(number).collect();
    let mut b: Vec<f32> = (0..terms * columns).map(|index| number(index / 2)).collect();
    b[100 * columns + 5] = f32::INFINITY;
    let product = Product { a: by_rows(&a, terms), b: by_rows(&b, columns), start: None, rows, columns, terms };
    check(&product, 0).unwrap();
    check(&Product { a: by_columns(&a, rows), ..product }, 5).unwrap();
}

/// −0 that a left-out term would have made +0, and a zero that must not be left out.
#[test]
fn a_term_is_left_out_only_where_it_changes_no_bit() {
    let tiny = f32::MIN_POSITIVE;
    // −tiny · tiny is −0, and +0 once 0 · 1 is added; 0 · −1 leaves it; the same with no zero among the terms.
    let a = [-tiny, 0.0, -tiny, 0.0, -tiny, -tiny, 0.0, 1.0];
    let b = [tiny, 1.0, tiny, -1.0, tiny, tiny, f32::INFINITY, 1.0];
    for engine in &*ENGINES {
        let mut found = [9.0; 4];
        for (row, found) in found.iter_mut().enumerate() {
            let (a, b) = (by_rows(&a[2 * row..][..2], 2), by_rows(&b[2 * row..][..2], 1));
            let product = Product { a, b, start: None, rows: 1, columns: 1, terms: 2 };
            let target = Target::new(std::slice::from_mut(found), 1);
            engine.compute(&product, engine.by_rows(&product), || Forward::<Identity>::new(target));
        }
        assert_eq!(bits(&found), bits(&[0.0, -0.0, -0.0, f32::NAN]), "{}", engine.instructions());
    }
}

#[test]
fn work_is_shared_out_whole() {
    for engine in &*ENGINES {
        let mut counts = vec![0u32; 1000];
        engine.share_out(1, &mut counts, |first, part| {
            for (index, count) in (first..).zip(part) {
                *count += 1 + index as u32;
            }
        });
        assert!(counts.iter().zip(1..).all(|(&count, index)| count == index), "{} threads", engine.threads());
    }
}
