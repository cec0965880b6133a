//! What the audience sees: numbered acts, commands, their output, and ticks.
//!
//! Colours only on a terminal that has not been told to do without
//! (`NO_COLOR`); text alone says everything.

use std::io::IsTerminal;

const BOLD: &str = "1";
const CYAN: &str = "36";
const GREEN: &str = "32";

/// The paper the demo is printed on.
pub(crate) struct Screen {
    act: u32,
    colours: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            act: 0,
            colours: std::io::stdout().is_terminal() && !unwanted,
        }
    }

    /// Announces what is going to be seen.
    pub(crate) fn act(&mut self, title: &str) {
        self.act += 1;
        let title = format!("{}. {title}", self.act);
        println!("\n{}", self.paint(BOLD, &title));
    }

    /// Shows a command line.
    pub(crate) fn command(&self, line: &str) {
        println!("   {}", self.paint(CYAN, &format!("$ {line}")));
    }

    /// Shows a command line that reads what follows it.
    pub(crate) fn command_with_input(&self, line: &str, input: &str) {
        self.command(&format!("{line} <<EOF"));
        for line in input.trim_end().lines() {
            println!("     {}", self.paint(CYAN, line));
        }
        println!("   {}", self.paint(CYAN, "EOF"));
    }

    /// Shows the lines of a request that is sent without a program between.
    pub(crate) fn request(&self, lines: &[&str]) {
        for line in lines {
            println!("   {}", self.paint(CYAN, &format!("> {line}")));
        }
    }

    /// Says that something is as promised.
    pub(crate) fn tick(&self, what: &str) {
        println!("   {} {what}", self.paint(GREEN, "✓"));
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
    for line in text.lines() {
        println!("     {line}");
    }
}
