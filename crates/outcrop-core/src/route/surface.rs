//! What a path of a route means: the gateway's own path that stands for it.

use std::borrow::Cow;

use outcrop_config::{Surface, SurfaceWord};

/// `None` where the route has no meaning for the path.
pub(crate) fn own_path<'p>(surface: &Surface, path: &'p str) -> Option<Cow<'p, str>> {
    match surface {
        Surface::ByPath => Some(Cow::Borrowed(path)),
        Surface::Under(prefix) => {
            let rest = path.strip_prefix(prefix.trim_end_matches('/'))?;
            rest.starts_with('/').then_some(Cow::Borrowed(rest))
        }
        Surface::BySuffix { suffixes, otherwise } => {
            let path_end = path.trim_end_matches('/');
            let word = suffixes.iter().find(|(suffix, _)| path_end.ends_with(suffix.as_str()));
            Some(of_word(word.map_or(*otherwise, |(_, word)| *word), path))
        }
        Surface::Fixed(word) => Some(of_word(*word, path)),
    }
}

fn of_word(word: SurfaceWord, path: &str) -> Cow<'_, str> {
    let own = match word {
        SurfaceWord::ChatCompletions => "/v1/chat/completions",
        SurfaceWord::Completions => "/v1/completions",
        SurfaceWord::Responses => "/v1/responses",
        SurfaceWord::Messages => "/v1/messages",
        SurfaceWord::CountMessages => "/v1/messages/count_tokens",
        SurfaceWord::Embeddings => "/v1/embeddings",
        SurfaceWord::Images => "/v1/images/generations",
        SurfaceWord::Rerank => "/v1/rerank",
        SurfaceWord::Models => "/v1/models",
        SurfaceWord::KongChat => "/v1/chat",
        // Bedrock's paths hold what they mean; whatever is before them is a prefix of the operator's.
        SurfaceWord::Bedrock => {
            let rerank = || path.ends_with("/rerank").then(|| path.len() - "/rerank".len());
            let own = path.find("/model/").or_else(rerank);
            return Cow::Borrowed(own.map_or(path, |at| &path[at..]));
        }
    };
    Cow::Borrowed(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_what_its_surface_says() {
        let under = Surface::Under("/bedrock".to_owned());
        assert_eq!(own_path(&under, "/bedrock/v1/messages").as_deref(), Some("/v1/messages"));
        assert_eq!(own_path(&under, "/bedrocks/v1/messages"), None);
        let fixed = Surface::Fixed(SurfaceWord::ChatCompletions);
        assert_eq!(own_path(&fixed, "/bedrock").as_deref(), Some("/v1/chat/completions"));
        let suffixes = vec![("/v1/messages".to_owned(), SurfaceWord::Messages)];
        let by_suffix = Surface::BySuffix { suffixes, otherwise: SurfaceWord::ChatCompletions };
        for (path, own) in [("/x/v1/messages", "/v1/messages"), ("/x", "/v1/chat/completions")] {
            assert_eq!(own_path(&by_suffix, path).as_deref(), Some(own), "{path}");
        }
        let bedrock = Surface::Fixed(SurfaceWord::Bedrock);
        for own in ["/model/a/converse", "/rerank"] {
            assert_eq!(own_path(&bedrock, &format!("/x{own}")).as_deref(), Some(own));
        }
    }
}
