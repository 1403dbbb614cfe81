//! `seeds TARGET FOLDER`: writes the inputs that a fuzzer starts from, each to a file of its own.
//! Without arguments: names the targets.

use std::process::ExitCode;
use std::{env, fs};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [name, folder] = &args[..] else {
        for target in fuzz::TARGETS {
            println!("{:<16} {}", target.name, target.input);
        }
        return ExitCode::SUCCESS;
    };
    let Some(target) = fuzz::target(name) else {
        eprintln!("no target is called {name}");
        return ExitCode::from(2);
    };
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        for (name, bytes) in fuzz::seeds::seeds(&target) {
            fs::write(format!("{folder}/{name}"), bytes)?;
        }
        Ok(())
    };
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{folder}: {error}");
            ExitCode::FAILURE
        }
    }
}
