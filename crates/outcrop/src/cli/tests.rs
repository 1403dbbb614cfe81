use clap::{Command, CommandFactory};

use super::*;

/// As wide as help is anywhere.
const WIDEST: usize = 100;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn a_list_to_fetch_from_names_something() {
    let parsed = |args: &[&str]| {
        Cli::try_parse_from(["outcrop", "serve"].iter().chain(args)).map_err(|e| e.to_string())
    };
    let listed = ["--fetch-media", "listed"];
    assert!(parsed(&listed).unwrap_err().contains("--fetch-allow"));
    assert!(parsed(&[&listed[..], &["--fetch-allow", "*.example.com"]].concat()).is_ok());
    assert!(parsed(&["--fetch-allow", "https://x"]).unwrap_err().contains("10.1.0.0/16"));
}

/// A command, and what its `--help` says.
struct Page {
    path: String,
    help: String,
    is_first: bool,
}

/// Of all commands, those within others too.
fn pages() -> Vec<Page> {
    fn collect(command: &Command, path: &str, pages: &mut Vec<Page>) {
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            let path = format!("{path} {}", inner.get_name());
            collect(inner, &path, pages);
            let is_first = path.matches(' ').count() == 1;
            let help = inner.clone().render_long_help().to_string();
            pages.push(Page { path, help, is_first });
        }
    }
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    collect(&command, "outcrop", &mut pages);
    let help = command.render_long_help().to_string();
    pages.push(Page { path: "outcrop".to_owned(), help, is_first: true });
    pages
}

/// The lines under `Examples:`.
fn examples(help: &str) -> Vec<&str> {
    let rest = help.split_once("\nExamples:\n").map_or("", |(_, rest)| rest);
    rest.lines().take_while(|line| line.starts_with("  ")).map(str::trim).collect()
}

/// The words of each run of the program in a line of a shell.
fn runs(line: &str) -> Vec<Vec<String>> {
    // What stands far to the right is a remark.
    let code = line.split("   ").next().unwrap_or(line);
    // What stands for its output is a run too.
    let code = match code.contains("<(") || code.contains("$(") {
        true => code.replace(['"', ')'], "").replace("<(", "| ").replace("$(", "| "),
        false => code.to_owned(),
    };
    let mut words =
        shlex::split(&code).unwrap_or_else(|| panic!("a quote is open: {line}")).into_iter();
    let mut runs = vec![Vec::new()];
    while let Some(word) = words.next() {
        match word.as_str() {
            "|" | "&&" => runs.push(Vec::new()),
            "<" | ">" | ">>" => drop(words.next()),
            _ => runs.last_mut().unwrap().push(word),
        }
    }
    // Variables may stand before it.
    let program = |run: Vec<String>| {
        run.into_iter().skip_while(|word| word.contains('=')).collect::<Vec<_>>()
    };
    let runs = runs.into_iter().map(program);
    runs.filter(|run| run.first().is_some_and(|word| word == "outcrop")).collect()
}

#[test]
fn every_command_shows_how_it_is_used() {
    let lacking: Vec<String> = pages()
        .into_iter()
        .filter(|page| page.is_first && examples(&page.help).len() < 2)
        .map(|page| page.path)
        .collect();
    assert_eq!(lacking, ["outcrop version"]);
}

#[test]
fn help_is_not_wider_than_a_terminal() {
    let wide: Vec<String> = pages()
        .iter()
        .flat_map(|Page { path, help, .. }| help.lines().map(move |line| format!("{path}: {line}")))
        .filter(|line| line.split_once(": ").unwrap().1.chars().count() > WIDEST)
        .collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn every_example_is_a_command_line() {
    let mut tried = 0;
    for Page { path, help, .. } in pages() {
        for line in examples(&help) {
            for run in runs(line) {
                let words = run.iter().map(Into::into).collect();
                let words = bare::named(&Cli::command(), words);
                let parsed = Cli::try_parse_from(words).map(|_| ());
                // One reads the file that it names.
                let lacks_file = |error: &clap::Error| error.to_string().contains("cannot read");
                let parsed = parsed.or_else(|e| if lacks_file(&e) { Ok(()) } else { Err(e) });
                let is_fine = parsed.as_ref().map_or_else(|error| !error.use_stderr(), |()| true);
                assert!(is_fine, "{path}: {line}: {}", parsed.unwrap_err());
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "only {tried} examples were found");
}
