//! Every target over its corpus and the goldens it starts from.

use std::fs;

use fuzz::{TARGETS, seeds};

#[test]
fn the_corpus_is_clean() {
    for target in TARGETS {
        let inputs = seeds::seeds(target);
        assert!(!inputs.is_empty(), "{} has nothing to start from", target.name);
        for (name, bytes) in inputs {
            // A panic's own message does not say which input it was.
            println!("{}/{name}", target.name);
            (target.run)(&bytes);
        }
    }
}

#[test]
fn every_folder_of_the_corpus_belongs_to_a_target() {
    for folder in fs::read_dir(seeds::corpus()).unwrap() {
        let name = folder.unwrap().file_name();
        assert!(fuzz::target(&name.to_string_lossy()).is_some(), "{name:?} is no target");
    }
}
