//! Generates a table of values that an accelerometer could have measured: `cargo run --quiet --package motion > motion.csv`.
//!
//! Each of twelve persons walks, runs, climbs and rests: 20 windows of 32 rows for each of the four motions. Every person has its own gait. `--new`
//! generates a thirteenth person, without labels, in eight windows. All is drawn from a seed, so the table is the same everywhere.

use std::{
    env,
    io::{self, BufWriter, Write},
    process::ExitCode,
};

use selvedge::random::{Generator, Purpose};

const SEED: u64 = 11;
/// Rows of a window.
const ROWS: u32 = 32;

/// A kind of motion: steps in a window, and the strength of each axis in thousandths of the standard gravity (mg).
struct Motion {
    name: &'static str,
    steps: f32,
    strengths: [f32; 3],
}

const MOTIONS: [Motion; 4] = [
    Motion { name: "rest", steps: 0.0, strengths: [0.0; 3] },
    Motion { name: "walk", steps: 2.2, strengths: [180.0, 120.0, 320.0] },
    Motion { name: "climb", steps: 1.6, strengths: [260.0, 110.0, 260.0] },
    Motion { name: "run", steps: 4.0, strengths: [380.0, 260.0, 900.0] },
];

/// Draws from −1 to 1, one after the other.
struct Draws {
    generator: Generator,
    drawn: u64,
}

impl Draws {
    fn next(&mut self) -> f32 {
        self.drawn += 1;
        self.generator.symmetric(self.drawn, 1.0)
    }
}

/// Returns a window's rows, without the last columns (person and label).
fn window(motion: &Motion, gait: f32, draws: &mut Draws) -> Vec<String> {
    let phase = 3.0 * draws.next();
    let steps = motion.steps * (1.0 + 0.15 * gait + 0.1 * draws.next());
    let strength = 1.0 + 0.2 * gait + 0.2 * draws.next();
    let row = |row: u32| {
        let angle = std::f32::consts::TAU * steps * row as f32 / ROWS as f32 + phase;
        let axes = motion.strengths.iter().zip([0.0, 900.0, 400.0]).zip([1.0, 0.5, 1.0]);
        let value = |(((strength_of_axis, rest), harmonic), place): (((&f32, f32), f32), u32)| {
            let swing = strength * strength_of_axis * libm::sinf(harmonic * angle + place as f32);
            (rest + swing + 60.0 * draws.next()) as i16
        };
        let values: Vec<String> = axes.zip(0..).map(value).map(|value| value.to_string()).collect();
        values.join(",")
    };
    (0..ROWS).map(row).collect()
}

/// The labelled table, or the one of a new person.
fn table(out: &mut impl Write, is_new: bool) -> io::Result<()> {
    let (persons, windows) = if is_new { (12..13, 2) } else { (0..12, 20) };
    let names = if is_new { "" } else { ",person,label" };
    writeln!(out, "ax (mg),ay (mg),az (mg){names}")?;
    for person in persons {
        let mut draws = Draws { generator: Generator::new(SEED, Purpose::Drawing, person), drawn: 0 };
        let gait = draws.next();
        for motion in &MOTIONS {
            for _ in 0..windows {
                for row in window(motion, gait, &mut draws) {
                    let labels = if is_new { String::new() } else { format!(",{person},{}", motion.name) };
                    writeln!(out, "{row}{labels}")?;
                }
            }
        }
    }
    out.flush()
}

fn main() -> ExitCode {
    let is_new = env::args().any(|argument| argument == "--new");
    match table(&mut BufWriter::new(io::stdout().lock()), is_new) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
