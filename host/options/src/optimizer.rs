//! The optimizers: their names, the options of each, PyTorch's defaults, and the types of core that compute them.

use std::fmt;

use clap::ValueEnum;
use selvedge::optimizer::{Adam, Momentum, RmsProp, RmsPropMomentum, Rule, Sgd};
use serde::{Deserialize, Serialize};

use crate::recipe::{Betas, Fraction, NonNegative, RecipeError, RecipeOptions};

/// The name of an optimizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[value(rename_all = "lower")]
#[serde(rename_all = "lowercase")]
pub enum OptimizerName {
    /// Stochastic gradient descent, with or without momentum.
    Sgd,
    /// Adam; its weight decay is L2 regularisation.
    Adam,
    /// AdamW: Adam with decoupled weight decay.
    AdamW,
    /// RMSprop, with or without momentum.
    RmsProp,
}

impl fmt::Display for OptimizerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl OptimizerName {
    /// Returns PyTorch's default learning rate for the optimizer.
    pub(crate) const fn learning_rate(self) -> f64 {
        match self {
            Self::Sgd | Self::Adam | Self::AdamW => 1e-3,
            Self::RmsProp => 1e-2,
        }
    }
}

impl RecipeOptions {
    /// Returns the optimizer's name in recipes and on the command line.
    pub(crate) fn optimizer(&self) -> OptimizerName {
        self.optimizer.unwrap_or(OptimizerName::Sgd)
    }

    /// Returns the optimizer with the recipe's options. An option that the recipe does not set has PyTorch's default.
    pub(crate) fn resolve_optimizer(&self) -> Result<Optimizer, RecipeError> {
        use OptimizerName::{Adam, AdamW, RmsProp, Sgd};

        let name = self.optimizer();
        let given: [(&str, bool, &[OptimizerName]); 5] = [
            ("momentum", self.momentum.is_some(), &[Sgd, RmsProp]),
            ("nesterov", self.nesterov == Some(true), &[Sgd]),
            ("betas", self.betas.is_some(), &[Adam, AdamW]),
            ("eps", self.eps.is_some(), &[Adam, AdamW, RmsProp]),
            ("alpha", self.alpha.is_some(), &[RmsProp]),
        ];
        for (option, given, takers) in given {
            if given && !takers.contains(&name) {
                let takers: Vec<String> = takers.iter().map(ToString::to_string).collect();
                let takers = takers.join(" or ");
                return Err(RecipeError::senseless(
                    option,
                    format!("{name} has none; leave it out, or take the optimizer {takers}"),
                ));
            }
        }

        let momentum = self.momentum.map_or(0.0, Fraction::get);
        let nesterov = self.nesterov == Some(true);
        if nesterov && momentum == 0.0 {
            return Err(RecipeError::senseless(
                "nesterov",
                "there is no velocity to look ahead with; set momentum, such as 0.9",
            ));
        }
        let weight_decay = self.weight_decay.map_or(if name == AdamW { 1e-2 } else { 0.0 }, NonNegative::get);
        let eps = self.eps.map_or(1e-8, NonNegative::get);
        Ok(match name {
            Sgd => Optimizer::Sgd { momentum, nesterov, weight_decay },
            Adam | AdamW => {
                let betas = self.betas.map_or([0.9, 0.999], Betas::get);
                Optimizer::Adam { betas, eps, weight_decay, decoupled: name == AdamW }
            }
            RmsProp => {
                Optimizer::RmsProp { alpha: self.alpha.map_or(0.99, Fraction::get), eps, momentum, weight_decay }
            }
        })
    }
}

/// An optimizer with its options. The options have PyTorch's names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd {
        /// The factor by which the velocity (a decaying sum of the gradients) decays in each step.
        momentum: f64,
        /// True for Nesterov's momentum: the step uses the velocity after this gradient.
        nesterov: bool,
        /// The factor of L2 regularisation.
        weight_decay: f64,
    },
    /// Adam or AdamW.
    Adam {
        /// β₁ and β₂: the parts of the averages of the gradients and of their squares that each step keeps.
        betas: [f64; 2],
        /// ε, which is added to the denominator.
        eps: f64,
        /// The factor of L2 regularisation, or of AdamW's decay.
        weight_decay: f64,
        /// True for AdamW.
        decoupled: bool,
    },
    /// RMSprop.
    RmsProp {
        /// α: the part of the average of the squared gradients that each step keeps.
        alpha: f64,
        /// ε, which is added to the denominator.
        eps: f64,
        /// The factor by which the velocity decays in each step.
        momentum: f64,
        /// The factor of L2 regularisation.
        weight_decay: f64,
    },
}

impl Optimizer {
    /// Returns the optimizer of core for step `number`, counted from 1.
    pub fn step(&self, number: u64, learning_rate: f64) -> Rule {
        match *self {
            Self::Sgd { momentum, nesterov, weight_decay } => {
                let (learning_rate, weight_decay) = (learning_rate as f32, weight_decay as f32);
                if momentum == 0.0 {
                    Rule::Sgd(Sgd { learning_rate, weight_decay })
                } else {
                    Rule::Momentum(Momentum { learning_rate, momentum: momentum as f32, nesterov, weight_decay })
                }
            }
            Self::Adam { betas, eps, weight_decay, decoupled } => Rule::Adam(if decoupled {
                Adam::decoupled(number, learning_rate, betas, eps, weight_decay)
            } else {
                Adam::new(number, learning_rate, betas, eps, weight_decay)
            }),
            Self::RmsProp { alpha, eps, momentum, weight_decay } => {
                let rule = RmsProp::new(learning_rate, alpha, eps, weight_decay);
                if momentum == 0.0 {
                    Rule::RmsProp(rule)
                } else {
                    Rule::RmsPropMomentum(RmsPropMomentum { rule, momentum: momentum as f32 })
                }
            }
        }
    }

    /// Returns the number of values that the optimizer stores for each parameter.
    pub fn states(&self) -> usize {
        self.step(1, 1.0).states()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::TrainingOptions;

    fn resolve(text: &str) -> Result<TrainingOptions, RecipeError> {
        RecipeOptions::parse(text, "test".as_ref()).unwrap().resolve()
    }

    #[test]
    fn optimizers_have_the_defaults_of_pytorch() {
        let (betas, eps) = ([0.9, 0.999], 1e-8);
        let expected = [
            ("sgd", 1e-3, Optimizer::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0 }),
            ("adam", 1e-3, Optimizer::Adam { betas, eps, weight_decay: 0.0, decoupled: false }),
            ("adamw", 1e-3, Optimizer::Adam { betas, eps, weight_decay: 1e-2, decoupled: true }),
            ("rmsprop", 1e-2, Optimizer::RmsProp { alpha: 0.99, eps, momentum: 0.0, weight_decay: 0.0 }),
        ];
        for (name, learning_rate, optimizer) in expected {
            let options = resolve(&format!("optimizer = '{name}'")).unwrap();
            assert_eq!(options, TrainingOptions { learning_rate, optimizer, ..TrainingOptions::QUICKSTART });
        }
    }

    #[test]
    fn optimizers_take_their_options() {
        for (text, expected) in [
            (
                "momentum = 0.9\nnesterov = true\nweight-decay = 0.5",
                Optimizer::Sgd { momentum: 0.9, nesterov: true, weight_decay: 0.5 },
            ),
            (
                "optimizer = 'adam'\nbetas = [0.5, 0.25]\neps = 2\nweight-decay = 0.5",
                Optimizer::Adam { betas: [0.5, 0.25], eps: 2.0, weight_decay: 0.5, decoupled: false },
            ),
            (
                "optimizer = 'adamw'\nweight-decay = 0",
                Optimizer::Adam { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: true },
            ),
            (
                "optimizer = 'rmsprop'\nalpha = 0.5\neps = 2\nmomentum = 0.25\nweight-decay = 1",
                Optimizer::RmsProp { alpha: 0.5, eps: 2.0, momentum: 0.25, weight_decay: 1.0 },
            ),
        ] {
            assert_eq!(resolve(text).unwrap().optimizer, expected, "{text}");
        }
    }

    #[test]
    fn what_an_optimizer_does_not_take_is_refused_by_name() {
        for (text, expected) in [
            (
                "optimizer = 'adam'\nmomentum = 0.9",
                "momentum: adam has none; leave it out, or take the optimizer sgd or rmsprop",
            ),
            ("betas = [0.9, 0.999]", "betas: sgd has none; leave it out, or take the optimizer adam or adamw"),
            ("eps = 1", "eps: sgd has none"),
            ("optimizer = 'adamw'\nalpha = 0.9", "alpha: adamw has none"),
            ("optimizer = 'rmsprop'\nmomentum = 0.9\nnesterov = true", "nesterov: rmsprop has none"),
            ("nesterov = true", "nesterov: there is no velocity"),
            ("nesterov = true\nmomentum = 0", "nesterov: there is no velocity"),
        ] {
            let error = resolve(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
