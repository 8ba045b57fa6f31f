//! The colours of the view.

use std::env;

use ratatui::style::{Color, Style};

/// The styles of what is drawn. The series' colours are those of the report's page on a light ground: colour-blind readers can tell them apart, and
/// each stands out from black and from white by 3 to 1 or more. No series is recognised by its colour alone.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    pub training: Style,
    pub test: Style,
    pub validation: Style,
    /// Frames and axes.
    pub quiet: Style,
}

impl Theme {
    /// Returns the colours that the terminal has. `NO_COLOR` (no-color.org) asks for none.
    pub fn of_environment() -> Self {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        if is_set("NO_COLOR") {
            Self::plain()
        } else if env::var("COLORTERM").is_ok_and(|value| value == "truecolor" || value == "24bit") {
            Self::of([Color::Rgb(0x00, 0x72, 0xb2), Color::Rgb(0xc6, 0x56, 0x00), Color::Rgb(0x00, 0x80, 0x5c)])
        } else {
            Self::of([32, 166, 29].map(Color::Indexed))
        }
    }

    /// Returns the theme without colours.
    pub fn plain() -> Self {
        Self { training: Style::new(), test: Style::new(), validation: Style::new(), quiet: Style::new() }
    }

    fn of([training, test, validation]: [Color; 3]) -> Self {
        let style = |colour| Style::new().fg(colour);
        Self {
            training: style(training),
            test: style(test),
            validation: style(validation),
            // A grey between black and white.
            quiet: style(Color::Indexed(244)),
        }
    }
}
