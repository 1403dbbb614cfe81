//! Paths of OpenAI's and Anthropic's APIs for which Bedrock has nothing: known, and not supported.
//!
//! Answered with 501 and the advice not to retry, since SDKs try a 5xx again and report a bare 404 as
//! if the base URL were wrong.

use outcrop_model::Dialect;

/// Whose API a path belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Anthropic,
    OpenAi,
    /// Both have it; the header `anthropic-version` tells who asks.
    Both,
}

/// The path itself and everything below it.
const PATHS: [(&str, Owner, &str); 15] = [
    ("/v1/messages/batches", Owner::Anthropic, "Message batches"),
    ("/v1/skills", Owner::Anthropic, "Skills"),
    ("/v1/files", Owner::Both, "Files"),
    ("/v1/batches", Owner::OpenAi, "Batches"),
    ("/v1/conversations", Owner::OpenAi, "Conversations"),
    ("/v1/audio", Owner::OpenAi, "Speech and transcription"),
    ("/v1/realtime", Owner::OpenAi, "Realtime sessions"),
    ("/v1/fine_tuning", Owner::OpenAi, "Fine-tuning"),
    ("/v1/moderations", Owner::OpenAi, "Moderations"),
    ("/v1/assistants", Owner::OpenAi, "Assistants"),
    ("/v1/threads", Owner::OpenAi, "Threads"),
    ("/v1/vector_stores", Owner::OpenAi, "Vector stores"),
    ("/v1/uploads", Owner::OpenAi, "Uploads"),
    ("/v1/videos", Owner::OpenAi, "Videos"),
    ("/v1/containers", Owner::OpenAi, "Containers"),
];

/// What stands at such a path: the dialect to say so in, unless only the caller's headers tell, and
/// what is not supported. `surface` is the dialect of the path's prefix.
pub(crate) fn find(
    path: &str,
    surface: Option<Dialect>,
) -> Option<(Option<Dialect>, &'static str)> {
    let (_, owner, what) = PATHS.iter().find(|(start, _, _)| {
        path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })?;
    let dialect = match owner {
        Owner::Anthropic => Some(Dialect::Anthropic),
        Owner::OpenAi => Some(Dialect::OpenAiChat),
        Owner::Both => None,
    };
    match (surface, dialect) {
        (Some(surface), Some(owner)) if surface != owner => None,
        (surface, owner) => Some((surface.or(owner), what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_segments_count_and_the_owner_answers() {
        let (anthropic, openai) = (Some(Dialect::Anthropic), Some(Dialect::OpenAiChat));
        for (path, surface, found) in [
            ("/v1/messages/batches", None, Some(anthropic)),
            ("/v1/messages/batches/b1/results", None, Some(anthropic)),
            ("/v1/skills", anthropic, Some(anthropic)),
            ("/v1/skills", openai, None),
            ("/v1/files", None, Some(None)),
            ("/v1/files/f1/content", anthropic, Some(anthropic)),
            ("/v1/files", openai, Some(openai)),
            ("/v1/batches/b1/cancel", None, Some(openai)),
            ("/v1/audio/speech", None, Some(openai)),
            ("/v1/realtime", openai, Some(openai)),
            ("/v1/fine_tuning/jobs", None, Some(openai)),
            ("/v1/batchesX", None, None),
            ("/v1/messages", None, None),
        ] {
            assert_eq!(
                find(path, surface).map(|(dialect, _)| dialect),
                found,
                "{path} {surface:?}"
            );
        }
    }
}
