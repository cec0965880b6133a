//! The binary; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    identity_pool_operator::cli::main()
}
