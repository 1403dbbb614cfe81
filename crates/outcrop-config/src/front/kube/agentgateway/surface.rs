//! `routes` of a backend: what the end of a path means.

use crate::document::Node;
use crate::front::Reading;
use crate::front::kube::http_route::Rewrite;
use crate::origin::Diagnostic;
use crate::route::{PathMatch, Surface, SurfaceWord};

/// Ends of paths, longest first, and what any other path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ends {
    ends: Vec<(String, SurfaceWord)>,
    otherwise: SurfaceWord,
}

impl Default for Ends {
    fn default() -> Self {
        Self { ends: Vec::new(), otherwise: SurfaceWord::ChatCompletions }
    }
}

impl Ends {
    pub(super) fn of(node: &Node, reading: &mut Reading<'_>) -> Self {
        let mut this = Self::default();
        for entry in node.entries() {
            let Some(word) = entry.value.text().and_then(word) else {
                let what = "a route is Completions, Messages, Responses, Embeddings, \
                            AnthropicTokenCount, Models, Passthrough or Detect";
                reading.say(Diagnostic::warning(entry.origin(), what));
                continue;
            };
            match entry.key.as_str() {
                "*" => this.otherwise = word,
                end => this.ends.push((end.to_owned(), word)),
            }
        }
        this.ends.sort_by_key(|(end, _)| std::cmp::Reverse(end.len()));
        this
    }

    /// For requests under `path`, which is rewritten before its end is looked at.
    pub(super) fn surface(&self, path: Option<&PathMatch>, rewrite: Option<&Rewrite>) -> Surface {
        let mut suffixes = match (path, rewrite) {
            (_, Some(Rewrite::Full(path))) => return Surface::Fixed(self.word(path)),
            (Some(PathMatch::Prefix(from)), Some(Rewrite::Prefix(to))) => self.moved(from, to),
            (_, Some(Rewrite::Prefix(_)) | None) => Vec::new(),
        };
        suffixes.extend(self.ends.iter().cloned());
        match suffixes.is_empty() {
            true => Surface::Fixed(self.otherwise),
            false => Surface::BySuffix { suffixes, otherwise: self.otherwise },
        }
    }

    fn word(&self, path: &str) -> SurfaceWord {
        let mut ends = self.ends.iter();
        ends.find(|(end, _)| path.ends_with(end)).map_or(self.otherwise, |(_, word)| *word)
    }

    /// Paths, in front of all ends, that end otherwise once `to` stands in place of `from`.
    fn moved(&self, from: &str, to: &str) -> Vec<(String, SurfaceWord)> {
        let (from, to) = (from.trim_end_matches('/'), to.trim_end_matches('/'));
        let mut moved: Vec<(String, SurfaceWord)> = Vec::new();
        for (end, _) in &self.ends {
            let rests = end.match_indices('/').map(|(at, _)| &end[at..]).chain([""]);
            for rest in rests {
                let path = format!("{from}{rest}");
                let word = self.word(&format!("{to}{rest}"));
                let known = moved.iter().any(|(known, _)| *known == path);
                if !path.is_empty() && !known && word != self.word(&path) {
                    moved.push((path, word));
                }
            }
        }
        moved.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        moved
    }
}

fn word(text: &str) -> Option<SurfaceWord> {
    // Older versions write them in lower case.
    Some(match text.to_lowercase().as_str() {
        "completions" => SurfaceWord::ChatCompletions,
        "messages" => SurfaceWord::Messages,
        "responses" => SurfaceWord::Responses,
        "embeddings" => SurfaceWord::Embeddings,
        "anthropictokencount" => SurfaceWord::CountMessages,
        "models" => SurfaceWord::Models,
        // As they are: as Bedrock has them.
        "passthrough" | "detect" => SurfaceWord::Bedrock,
        _ => return None,
    })
}
