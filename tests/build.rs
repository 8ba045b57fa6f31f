//! Writes the random networks of tests/engines/networks.rs as Rust types. The shape of a type is fixed when the program is compiled.

use std::{env, fmt::Write as _, fs, path::PathBuf};

use selvedge::{
    architecture::LayerKind,
    random::{Generator, Purpose},
};

/// The networks: each optimizer with each loss twice.
const NETWORKS: u64 = 60;
const OPTIMIZERS: [&str; 6] = ["SGD", "MOMENTUM", "ADAM", "ADAMW", "RMS_PROP", "RMS_PROP_MOMENTUM"];
const LOSSES: [&str; 5] = ["CrossEntropy::default()", "Nll::default()", "SoftCrossEntropy", "Mse", "BceWithLogits"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut code = String::new();
    for network in 0..NETWORKS {
        let layers = Draws { generator: Generator::new(1, Purpose::Drawing, network), drawn: 0 }.layers();
        let optimizer = OPTIMIZERS[network as usize % OPTIMIZERS.len()];
        let loss = LOSSES[network as usize % LOSSES.len()];
        // Writing to a string cannot fail.
        let _ = writeln!(code, "check::<mlp!({layers}), _, _, _>({network}, {layers:?}, {optimizer}, {loss});");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("networks.rs"), format!("{{\n{code}}}\n")).expect("OUT_DIR can be written to");
}

/// Draws, one after the other.
struct Draws {
    generator: Generator,
    drawn: u64,
}

impl Draws {
    fn below(&mut self, bound: u32) -> u32 {
        self.drawn += 1;
        self.generator.below(self.drawn, bound)
    }

    /// True once in so many times.
    fn once_in(&mut self, times: u32) -> bool {
        self.below(times) == 0
    }

    fn width(&mut self) -> u32 {
        let most = [2, 9, 40][self.below(3) as usize];
        1 + self.below(most)
    }

    /// A chain of one to four linear layers with whatever may stand between them.
    fn layers(&mut self) -> String {
        let mut layers = self.width().to_string();
        for _ in 0..=self.below(4) {
            let _ = write!(layers, " => {}", self.width());
            self.activation(&mut layers);
            while self.once_in(3) {
                layers += " BatchNorm1d";
                self.activation(&mut layers);
            }
            for word in ["Gelu", "Dropout", "LogSoftmax"] {
                if self.once_in(5) {
                    layers = format!("{layers} {word}");
                }
            }
        }
        layers
    }

    fn activation(&mut self, layers: &mut String) {
        if self.below(7) < 4 {
            let activations = LayerKind::with_words(1).into_iter().filter(|layer| layer.activation().is_some());
            let words: Vec<&str> = activations.filter_map(LayerKind::word).collect();
            let word = words[self.below(words.len() as u32) as usize];
            *layers = format!("{layers} {word}");
        }
    }
}
