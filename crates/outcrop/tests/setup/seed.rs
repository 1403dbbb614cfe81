//! mcp-cli's document: its shell, word for word. See `acceptance/seeds/README.md`.

use outcrop_emulator::{AccessKey, Config, Fault};

use crate::desk::{Desk, Ended, PROVIDER, allow};

const DOCUMENT: &str = include_str!("../../../../acceptance/seeds/mcp-cli-shell.txt");
const FILES: &str = include_str!("../../../outcrop-config/tests/fixtures/mcp-cli.yaml");
const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIA..."),
    ("AWS_SECRET_ACCESS_KEY", "..."),
    ("AWS_REGION", "us-east-1"),
];
/// Lines that are not of the document.
const WORDS: [&str; 9] =
    ["files", "keys", "document", "dotenv", "fault", "out", "err", "code", "asked"];

#[tokio::test]
async fn the_documents_shell_does_what_it_says() {
    let mut sections = 0;
    for section in DOCUMENT.split("== ").filter(|section| !section.is_empty()) {
        let (title, lines) = section.split_once('\n').unwrap();
        run(title, lines).await;
        sections += 1;
    }
    assert_eq!(sections, 13);
}

async fn run(title: &str, lines: &str) {
    let config =
        Config { access_keys: vec![AccessKey::new("AKIA...", "...")], ..Config::default() };
    let mut desk = Desk::with(config).await;
    let is_word = |line: &&str| {
        let word = line.split(' ').next().unwrap();
        WORDS.contains(&word) || word == "wrote"
    };
    let (words, shell): (Vec<&str>, Vec<&str>) = lines.lines().partition(is_word);
    let after = |word: &'static str| {
        words.iter().filter_map(move |line| line.strip_prefix(word)?.strip_prefix(' '))
    };
    if words.contains(&"keys") {
        for (name, value) in KEYS {
            desk = desk.env(name, value);
        }
    }
    if words.contains(&"files") {
        let (provider, embeddings) = FILES.split_once("\n---\n").unwrap();
        desk.file("config.yaml", "includes:\n  providers: config/providers/*.yaml\n  embeddings: config/embeddings/*.yaml\n");
        desk.file(PROVIDER, provider);
        desk.file("config/embeddings/aws-bedrock.yaml", embeddings);
    }
    if words.contains(&"document") {
        desk.file("document.txt", &"REST has resources. ".repeat(500));
    }
    let variables: Vec<&str> = after("dotenv").collect();
    if !variables.is_empty() {
        allow(&desk.file(".env", &variables.join("\n")), 0o600);
    }
    for fault in after("fault") {
        let (times, fault) = fault.split_once(' ').unwrap();
        desk.emulator.inject(Fault::parse_list(fault).unwrap(), times.parse().unwrap());
    }
    let ended = desk.shell(&shell.join("\n").replace("./mcp-cli", "outcrop")).await;
    judge(title, (&desk, &ended), &words);
}

fn judge(title: &str, (desk, ended): (&Desk, &Ended), words: &[&str]) {
    let mut code = 0;
    let mut judged = 0;
    let requests = desk.emulator.requests();
    let mut asked = requests.iter().map(|request| request.raw_path.replace("%3A", ":"));
    for line in words {
        let (word, text) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "out" => assert!(ended.out.contains(text), "{title}: {text}: {ended:?}"),
            "err" => assert!(ended.err.contains(text), "{title}: {text}: {ended:?}"),
            "asked" => assert!(asked.any(|path| path.contains(text)), "{title}: {text}"),
            "code" => code = text.parse().unwrap(),
            "wrote" => {
                let there = |name: &str| desk.home(name).is_file();
                assert!(text.split(' ').all(there), "{title}: {ended:?}");
            }
            _setting => continue,
        }
        judged += 1;
    }
    assert!(judged > 0, "{title}: nothing is expected");
    assert_eq!(ended.code, code, "{title}: {ended:?}");
}
