//! What the audience sees: numbered acts, commands, their output, and ticks.
//!
//! Colours only on a terminal that has not been told to do without
//! (`NO_COLOR`); text alone says everything.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use crate::curtain::Curtain;

const BOLD: &str = "1";
const DIM: &str = "2";
const CYAN: &str = "36";
const GREEN: &str = "32";

/// The paper the demo is printed on.
pub(crate) struct Screen {
    act: u32,
    colours: bool,
    curtain: Curtain,
}

impl Screen {
    pub(crate) fn new(curtain: Curtain) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            act: 0,
            colours: io::stdout().is_terminal() && !unwanted,
            curtain,
        }
    }

    /// Announces what is going to be seen, when the audience is ready for it.
    pub(crate) async fn act(&mut self, title: &str) {
        if self.curtain.waits() {
            let how = "Enter goes on, Ctrl-D plays to the end, Ctrl-C stops.";
            line(format_args!("\n   {}", self.paint(DIM, how)));
            self.curtain.pause().await;
        }
        self.act += 1;
        let title = format!("{}. {title}", self.act);
        line(format_args!("\n{}", self.paint(BOLD, &title)));
    }

    /// Tells what is done, or what to look at.
    pub(crate) fn say(&self, sentence: &str) {
        line(format_args!("   {}", self.paint(DIM, sentence)));
    }

    /// Shows a command line, or several that belong together.
    pub(crate) fn command(&self, lines: &str) {
        for (number, text) in lines.lines().enumerate() {
            let prompt = if number == 0 { "$" } else { " " };
            line(format_args!(
                "   {}",
                self.paint(CYAN, &format!("{prompt} {text}"))
            ));
        }
    }

    /// Shows a command line that reads what follows it.
    pub(crate) fn command_with_input(&self, command: &str, input: &str) {
        self.command(&format!("{command} <<EOF"));
        for text in input.trim_end().lines() {
            line(format_args!("   {}", self.paint(CYAN, text)));
        }
        line(format_args!("   {}", self.paint(CYAN, "EOF")));
    }

    /// Says that something is as promised.
    pub(crate) fn tick(&self, what: &str) {
        line(format_args!("   {} {what}", self.paint(GREEN, "✓")));
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Shows what something printed, set in.
pub(crate) fn show(text: &str) {
    for text in text.lines() {
        line(format_args!("     {text}"));
    }
}

/// Shows rows in columns; the first row names them.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let cells: [String; N] = std::array::from_fn(|column| {
            let (cell, width) = (&row[column], widths[column]);
            format!("{cell:<width$}")
        });
        show(cells.join("   ").trim_end());
    }
}

/// Prints a line. Whoever closes the pipe has seen enough, but what was made is still tidied up.
pub(crate) fn line(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}
