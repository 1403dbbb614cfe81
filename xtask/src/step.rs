//! Steps: what a command is made of, and how their outcome is told.

use std::time::Instant;

use anyhow::Result;

use crate::workspace::Workspace;

/// One thing that passes or fails.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// Also the name of the command that runs it alone.
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) run: fn(&Workspace, &[String]) -> Result<()>,
}

/// A step failed and has been reported.
#[derive(Debug)]
pub(crate) struct Failed;

/// Runs `steps` in order; `args` reach each of them. Stops at the first failure.
pub(crate) fn run_all(steps: &[Step], args: &[String]) -> Result<(), Failed> {
    let workspace = Workspace::load().map_err(|error| {
        eprintln!("FAILED  {error:#}");
        Failed
    })?;
    let mut summary = String::new();
    for (index, step) in steps.iter().enumerate() {
        println!("\n── {} of {}: {} ({})", index + 1, steps.len(), step.name, step.what);
        let began = Instant::now();
        if let Err(error) = (step.run)(&workspace, args) {
            report_failure(&summary, step, args, &error);
            return Err(Failed);
        }
        summary +=
            &format!("  passed  {:<11} {:>6.1} s\n", step.name, began.elapsed().as_secs_f64());
    }
    print!("\n{summary}");
    Ok(())
}

fn report_failure(summary: &str, step: &Step, args: &[String], error: &anyhow::Error) {
    let args: String = args.iter().map(|arg| format!(" {arg}")).collect();
    eprint!("\n{summary}  FAILED  {:<11} {error:#}\n", step.name);
    eprintln!("\nre-run just this step: cargo xtask {}{args}", step.name);
}
