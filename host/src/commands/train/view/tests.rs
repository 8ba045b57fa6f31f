//! Tests of the drawing, in windows of any size.

use std::time::Duration;

use ratatui::{Terminal, backend::TestBackend};

use super::{
    draw::draw,
    history::{About, History},
    theme::Theme,
};
use crate::{
    evaluation::Evaluation,
    training::{Epoch, Step},
};

const SAMPLES: usize = 6400;

fn about() -> About {
    About {
        recipe: "mine\x1b[2J\n.toml".into(),
        data: "Fashion-MNIST".into(),
        layers: "784 => 16 Relu => 10".into(),
        device: "cpu, 2 threads, avx2".into(),
        units: Vec::new(),
        samples: SAMPLES,
        steps_in_epoch: 100,
        steps: 1000,
        epochs: Some(10),
        may_end_early: true,
    }
}

/// Returns a run after this number of steps, with a test after each epoch.
fn history(about: About, steps: u64, validates: bool) -> History {
    let mut history = History::new(about, 0);
    for number in 1..=steps {
        if number % 100 == 1 {
            history.epoch_begins((number / 100) as u32);
        }
        let seen = 64 * ((number as usize - 1) % 100 + 1);
        let loss = 2.0 / number as f32 + 0.25;
        history.step(&Step { number, samples: 64, seen, loss, learning_rate: 1e-3, grad_norm: None });
        if number % 100 == 0 {
            let evaluation = |wrong| Evaluation::of_classes(2, &[0, 1, 1, 0], &[0, 1, 1, wrong], &[0.375]);
            history.epoch_ends(&Epoch {
                number: (number / 100 - 1) as u32,
                steps: number,
                samples: SAMPLES,
                training: Duration::from_millis(100),
                validation: validates.then(|| evaluation(0)),
                test: evaluation(1),
            });
        }
    }
    history
}

fn drawn(history: &History, (columns, rows): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(frame, history, &Theme::plain())).unwrap();
    let buffer = terminal.backend().buffer();
    let cells = buffer.content().chunks(usize::from(columns));
    cells.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
}

#[test]
fn a_small_window_has_curves_and_figures() {
    let text = drawn(&history(about(), 750, true), (80, 24));
    for words in [
        "selvedge train  recipe mine\\u001b[2J .toml  data Fashion-MNIST",
        "layers 784 => 16 Relu => 10",
        "on cpu, 2 threads, avx2",
        "┌Loss──⠒ training  o test  x validation┐",
        "┌Accuracy──────────o test  x validation┐",
        "100%",
        "epoch┘",
        " 75% ████",
        "epoch 8 of at most 10, step 750 of 1,000, 0:00 elapsed, 0:00 left",
        "loss 0.252667, learning rate 1.000e-3, 64,000 samples/s",
        "test after epoch 7: Accuracy: 75.00%, Avg loss: 0.375000",
        "validation: Accuracy: 100.00%, Avg loss: 0.375000",
        "q ends the run, and saves a checkpoint to go on from",
    ] {
        assert!(text.contains(words), "{words}:\n{text}");
    }
    let labels = |line: &str| {
        line.split(['│', ' ']).filter(|word| !word.is_empty()).eq(["0", "2.5", "5.0", "7.5", "0", "2.5", "5.0", "7.5"])
    };
    assert!(text.lines().any(labels), "{text}");
    assert!(!text.contains("Learning rate"), "{text}");
    let text = drawn(&history(about(), 750, false), (120, 40));
    assert!(text.contains("┌Learning rate─") && text.contains("┌Samples per second─"), "{text}");
    assert!(!text.contains("validation"), "{text}");
}

#[test]
fn a_run_that_begins_has_no_test_yet() {
    let text = drawn(&history(about(), 0, false), (80, 24));
    for words in ["no test yet", "loss …, learning rate …, …", "… left", "the first test is after 6,400 samples"]
    {
        assert!(text.contains(words), "{words}:\n{text}");
    }
}

#[test]
fn a_run_of_steps_is_drawn_over_steps() {
    let about = About { epochs: None, steps_in_epoch: 100, ..about() };
    let mut history = history(about, 450, false);
    history.is_ending = true;
    let text = drawn(&history, (80, 24));
    for words in ["step┘", "600│", "epoch 5, step 450 of 1,000", "q again ends at once"] {
        assert!(text.contains(words), "{words}:\n{text}");
    }
}

#[test]
fn every_window_is_drawn_on() {
    let histories = [history(about(), 0, false), history(about(), 1, false), history(about(), 300, true)];
    for columns in [1, 2, 3, 10, 37, 38, 76, 80, 300] {
        for rows in [1, 2, 3, 7, 9, 12, 16, 24, 34, 80] {
            for history in &histories {
                drawn(history, (columns, rows));
            }
        }
    }
}
