//! Hints: what to do next about a failure, in one line.

use super::call_hint::{again, call_hint, nearest_model};
use super::controls::{COMMAND_LINE, HintControls};
use super::file_hint::{
    ELSEWHERE, distrust_hint, for_output_file, for_unreadable, for_unwritable, shown,
};
use super::{EndedRun, Error};
use crate::client::{self, EndpointError};
use crate::media::{FileKind, ImageError, PdfError};
use crate::protocol::{MissingPart, StopReason};
use crate::recording::RecordError;
use crate::session::RefusedParts;
use crate::text::{nearest_name, shell_quote};
use crate::ui::OutputError;
use crate::{batch, config, input, session};

impl Error {
    /// Returns what to do next on the command line; `None` if there is nothing useful to say.
    pub(crate) fn hint(&self) -> Option<String> {
        self.hint_with(&COMMAND_LINE)
    }

    /// Returns what to do next about a call without a complete answer, or with a model that does
    /// not exist.
    fn hint_of_call(&self, controls: &HintControls) -> Option<String> {
        match self {
            Self::Call {
                after_content: true,
                source,
                left,
                ..
            } => Some(format!("{}; {}", left.in_words(), again(source))),
            Self::Call {
                source,
                model,
                left_out,
                ..
            } => {
                let hint = call_hint(source, model, controls);
                Some(with_left_out(left_out.as_deref(), hint, controls))
            }
            Self::Unlisted { model, others, .. } => Some(unlisted_hint(model, others, controls)),
            _ => None,
        }
    }

    /// Returns what to do next where no model can be picked, or the one that was chosen is not in
    /// the region.
    fn hint_of_choice(&self, controls: &HintControls) -> Option<String> {
        let HintControls {
            model: choose,
            region: choose_region,
            ..
        } = controls;
        Some(match self {
            Self::NothingToPick { others, .. } | Self::NoneOfFamily { others, .. }
                if others.is_empty() =>
            {
                format!("try another {choose_region}, or ask your workspace's admin")
            }
            Self::NothingToPick { others, .. } => {
                let models = quoted_models(others);
                format!("choose a model with {choose}; the region has: {models}")
            }
            Self::NoneOfFamily { others, .. } => {
                let models = quoted_models(others);
                format!("choose another model with {choose}; the region has: {models}")
            }
            Self::Elsewhere {
                region, regions, ..
            } => format!(
                "use {choose_region} {regions}; `langdock models` lists the models of {region}"
            ),
            _ => return None,
        })
    }

    /// Returns what to do next, in terms of `controls`.
    pub(crate) fn hint_with(&self, controls: &HintControls) -> Option<String> {
        let hint = match self {
            Self::Usage { hint, .. } => return hint.clone(),
            Self::OptionRefused { advice, .. } => return Some(advice.in_words(controls)),
            Self::Config(error) => return Some(config_hint(error, controls)),
            Self::Input(error) => return Some(input_hint(error)),
            Self::Session(error) => return Some(session_hint(error, controls)),
            Self::Call { .. } | Self::Unlisted { .. } => return self.hint_of_call(controls),
            Self::NoModel => {
                "choose one with -m ID or LANGDOCK_MODEL; if an API key is set, langdock picks a \
                model from the region's list"
            }
            Self::NothingToPick { .. } | Self::NoneOfFamily { .. } | Self::Elsewhere { .. } => {
                return self.hint_of_choice(controls);
            }
            Self::Build(client::BuildError::UnreadableCaFile { path, source }) => {
                return Some(for_unreadable(path, source));
            }
            Self::Build(client::BuildError::CaFile { .. }) => {
                "use a file of PEM certificates for --cacert or SSL_CERT_FILE"
            }
            Self::Build(_) => {
                "write the proxy as http://host:port, https://host:port or socks5h://host:port"
            }
            Self::Record(error) => return Some(record_hint(error)),
            Self::RequestTooLarge { exclude, .. } | Self::TooManyTokens { exclude, .. }
                if !exclude.is_empty() =>
            {
                return Some(exclude_hint(exclude));
            }
            Self::RequestTooLarge { .. } => {
                "leave out the largest part, send it in several requests, or try --no-check"
            }
            Self::TooManyTokens { .. } => {
                "leave out the largest part, send it in several requests, or try --no-check; \
                 `langdock count` shows the parts"
            }
            Self::Truncated(StopReason::MaxTokens) => controls.reached_max_tokens,
            Self::Truncated(_) => controls.reached_window,
            Self::Paused { is_saved: true } => {
                "continue with `langdock send -c 'Continue.'`; `langdock tool-run` continues \
                automatically"
            }
            Self::Paused { is_saved: false } => {
                "use `langdock tool-run`, which continues automatically"
            }
            Self::EmptyAnswer(missing) => empty_answer_hint(*missing),
            Self::Refusal(_) => {
                "rephrase the prompt; the same prompt will probably be refused again"
            }
            Self::Copy(_) => {
                "run langdock in a terminal or, on a desktop, install wl-clipboard or xclip; \
                 `langdock session show --last` shows a saved answer"
            }
            Self::NoCodeBlock(_) => {
                "ask for a fenced code block in the prompt; the answer is above"
            }
            Self::MaxTurns(_) => "allow more turns with --max-turns",
            Self::McpServer { given, .. } => return Some(for_server(given)),
            Self::Batch(error) => batch_hint(error),
            Self::ItemsFailed {
                can_go_on: true, ..
            } => {
                "the output says why; correct the input if necessary, then retry the failed items \
                 with --retry-failed"
            }
            Self::ItemsFailed { .. } => {
                "the output says why; if you run with --output FILE, --retry-failed can later \
                 retry just the failed items"
            }
            Self::Merge(flaws) => return Some(flaws.next_step()),
            Self::Budget {
                can_go_on: true, ..
            } => "run the same command again to continue; each run has the full budget",
            Self::CostLimit { run, .. } => return Some(for_cost_limit(run)),
            Self::NoListPrice(model) => return Some(for_unpriced(model)),
            Self::Budget { .. } => "add --output FILE to a run that you may want to resume",
            Self::Unfit(_) => "allow more corrections with --repair, or simplify the schema",
            Self::Listen { .. } => {
                "choose another port with --port, or leave out --port to use a free one"
            }
            Self::Output(OutputError::File { path, source }) => {
                return Some(for_output_file(path, source));
            }
            Self::Output(OutputError::Failed(_)) => ELSEWHERE,
            Self::Output(OutputError::InUse { .. }) => {
                "wait for that run, or write to another file with -o FILE"
            }
            Self::Unwritable { path, source } => return Some(for_unwritable(path, source)),
            Self::Unreadable { path, source } => return Some(for_unreadable(path, source)),
            Self::System { what, .. } => system_hint(what),
            Self::Bug(_) => {
                "this is a bug in langdock, or a system limit was reached; see `ulimit -a`"
            }
            Self::Tool(_) => "`langdock help tool-run` lists the keys of a tools file",
            Self::Schema { .. } => "`langdock help send` explains --schema and --schema-mode",
            Self::CallByHand { ran, lister, .. } => {
                let check = if *ran {
                    "the tool ran, but failed: check what it printed and"
                } else {
                    "check"
                };
                return Some(format!(
                    "{check} the input; {lister} shows what the tool takes"
                ));
            }
            Self::McpServersFailed { .. } => "see the reasons above",
            Self::Unwell { .. } => "see the hints above, then run `langdock doctor` again",
            Self::NoCommand { .. } => "`langdock --help` lists the commands",
            // These were caused on purpose.
            Self::Output(_) | Self::Interrupted(_) | Self::Served(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// The hint for an answer that ended without what it promised.
fn empty_answer_hint(missing: MissingPart) -> &'static str {
    match missing {
        MissingPart::Content => {
            "send the request again, or accept the empty answer with --allow-empty"
        }
        MissingPart::Call => "send the request again, or accept the answer with --allow-empty",
    }
}

/// The hint for the items or the template of a batch.
fn batch_hint(error: &batch::Error) -> &'static str {
    match error {
        batch::Error::NoObject { .. } => "use a JSON object on every line, or text on every line",
        batch::Error::UnfilledField { is_text: true, .. } => {
            "lines of text have only {text}; for fields, use JSON Lines: `jq -c '.[]'` turns a \
            JSON array into JSON Lines"
        }
        batch::Error::ShardCount { .. } => "add the number of shards: `--shard auto/N`",
        batch::Error::NoShard | batch::Error::Shard(_) => {
            "name the shard yourself with --shard I/N, such as `--shard 2/10`"
        }
        batch::Error::UnknownField { .. } | batch::Error::UnfilledField { .. } => {
            "use a field that every item has; write {{ or }} for a literal brace"
        }
        batch::Error::Pattern(_) => {
            "write fields as {text} or {KEY}, and literal braces as {{ or }}"
        }
    }
}

/// The hint for a model that is not in the list.
fn unlisted_hint(model: &str, others: &[String], controls: &HintControls) -> String {
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let (choose, listed) = (controls.model, controls.models_are_listed_by);
    nearest_model(model, &others).map_or_else(
        || listed.to_owned(),
        |nearest| format!("did you mean {choose} {}? {listed}", shell_quote(nearest)),
    )
}

/// Says what became of a run that `--max-cost` has ended.
fn for_cost_limit(run: &EndedRun) -> String {
    let rest = match run {
        EndedRun::Unsent => "nothing was sent".to_owned(),
        EndedRun::Unsaved => "the conversation was not saved".to_owned(),
        EndedRun::Saved(id) => format!(
            "the conversation is saved: `langdock tool-run --session {id} 'Continue.'`, with the \
             same tools, continues it"
        ),
    };
    format!("raise --max-cost; {rest}")
}

/// The hint for a model without a price.
fn for_unpriced(model: &str) -> String {
    let key = shell_quote(&format!("prices.\"{model}\".input"));
    format!(
        "set the price of a million tokens in US dollars: `langdock config set {key} 3`, and the \
         same for output"
    )
}

/// Lists models that a server named, as they are typed.
fn quoted_models(models: &[String]) -> String {
    let quoted: Vec<String> = models.iter().map(|model| shell_quote(model)).collect();
    quoted.join(", ")
}

/// What to do about an MCP server that does not start.
fn for_server(given: &str) -> String {
    format!(
        "check it with `langdock mcp doctor {}`, or set optional = true for the server, so that \
        the run continues without it",
        shell_quote(given)
    )
}

/// Returns the hint for something that the system refused; `what` completes "cannot …".
fn system_hint(what: &str) -> &'static str {
    match what {
        "start the editor" => {
            "check VISUAL or EDITOR, and that you can write to the directory that TMPDIR names"
        }
        "read an answer from the terminal" | "ask on the terminal" | "ask a question" => {
            "run the command again in another terminal"
        }
        "ask for the key on the terminal" => {
            "pipe the key in: `langdock auth login < FILE` reads its first line"
        }
        "read the key from standard input" => "pipe in the key as one line of text",
        _ => "check the system's limits with `ulimit -a`, then try again",
    }
}

fn config_hint(error: &config::Error, controls: &HintControls) -> String {
    match error {
        config::Error::NoKey {
            host,
            commanded_for: Some(_),
            ..
        } => format!(
            "if that key is for `{host}` too, set `base_url` in the same table as `api_key_cmd` in \
             the config file; otherwise use LANGDOCK_API_KEY or --api-key-file FILE"
        ),
        config::Error::NoKey { stored_for, .. } if !stored_for.is_empty() => {
            "store a key for this host with `langdock auth login --base-url URL`, or use \
             LANGDOCK_API_KEY or --api-key-file FILE"
                .to_owned()
        }
        config::Error::NoKey { .. } => {
            "set LANGDOCK_API_KEY, use --api-key-file FILE, store a key with `langdock auth \
             login`, or set api_key_cmd in the config file; to try langdock without a key, use \
             --demo"
                .to_owned()
        }
        config::Error::KeyFileMode { path } => {
            format!(
                "run `chmod 600 {}`; if others may have read the key, replace it",
                shown(path)
            )
        }
        config::Error::Untrusted { path, distrust } => distrust_hint(path, distrust),
        config::Error::KeyCommand { .. } => {
            "run the command yourself: it must print only the key".to_owned()
        }
        config::Error::LedgerPassword { .. } => {
            "use rediss:// in the URL, or set ledger_insecure = true in the config file".to_owned()
        }
        config::Error::UnknownKey {
            nearest: Some(nearest),
            ..
        } => format!(
            "did you mean \
            `{nearest}`?"
        ),
        config::Error::UnknownKey { nearest: None, .. } => {
            "`langdock help config` lists the keys".to_owned()
        }
        config::Error::UnknownProfile { name, known, .. } => profile_hint(name, known),
        config::Error::Exists { .. } => "`langdock config set KEY VALUE` changes it".to_owned(),
        config::Error::Unchangeable { .. } => {
            "name a regular file with LANGDOCK_CONFIG, or unset it".to_owned()
        }
        config::Error::NoHome => "set HOME, or name a config file with LANGDOCK_CONFIG".to_owned(),
        config::Error::Endpoint {
            source: EndpointError::PlainHttp(_),
            ..
        } => "use https://, or allow this with --allow-http".to_owned(),
        config::Error::Endpoint {
            source: EndpointError::RegionConflict { fixed, .. },
            ..
        } => {
            format!(
                "choose {} {fixed}, or write {{region}} in the base URL",
                controls.region
            )
        }
        config::Error::Endpoint {
            source: EndpointError::BadRegion(_),
            ..
        } => {
            format!("known regions: {}", client::KNOWN_REGIONS.join(", "))
        }
        config::Error::Endpoint {
            source: EndpointError::BadScheme(url),
            ..
        } if !url.contains("://") => {
            let is_local = ["localhost", "127.", "[::1]"]
                .iter()
                .any(|host| url.starts_with(host));
            format!("write {}://{url}", if is_local { "http" } else { "https" })
        }
        config::Error::Endpoint { .. } => {
            "write the base URL like https://api.langdock.com/anthropic/{region}".to_owned()
        }
        // A text that ends with `…` may be cut in the middle of the key that is in use.
        config::Error::Key { .. } => "a key looks like `sk-ld-…`".to_owned(),
        config::Error::Unreadable { .. } => {
            "check the file, and LANGDOCK_CONFIG if it is set".to_owned()
        }
        config::Error::Value {
            origin: config::Origin::Environment(_),
            ..
        } => "`langdock help environment` explains each variable".to_owned(),
        config::Error::Value { .. }
        | config::Error::Syntax { .. }
        | config::Error::Refused { .. } => {
            "`langdock help config` has an example of each key".to_owned()
        }
        config::Error::Unwritable { path, source } => for_unwritable(path, source),
        config::Error::KeyFile { path, source } => for_unreadable(path, source),
    }
}

fn profile_hint(name: &str, known: &[String]) -> String {
    match (nearest_name(name, known.iter().map(String::as_str)), known) {
        (Some(nearest), _) => format!("did you mean `{nearest}`?"),
        (None, []) => "add a table such as [profiles.work] to the config file".to_owned(),
        (None, known) => format!("profiles: {}", known.join(", ")),
    }
}

/// Returns the hint that names the flags with which the rest of a directory fits.
fn exclude_hint(exclude: &[String]) -> String {
    let flags: Vec<String> = exclude
        .iter()
        .map(|glob| format!("--exclude {}", shell_quote(glob)))
        .collect();
    format!(
        "leave out some of the files, for example with {}, or try --no-check",
        flags.join(" ")
    )
}

/// Returns the hint that names the flags with which files with secrets are sent or left out.
fn secrets_hint(count: usize, rule: &str, fingerprint: &str, exclude: &[String]) -> String {
    let (it, first) = if count == 1 {
        ("it", "it")
    } else {
        ("them", "the first one")
    };
    let mut ways = vec![
        format!("`--secrets mask` replaces {it}"),
        format!("`--secrets send` sends {it} unchanged"),
    ];
    if !exclude.is_empty() {
        let flags = exclude.iter();
        let flags = flags.map(|glob| format!("--exclude {}", shell_quote(glob)));
        let flags: Vec<String> = flags.collect();
        ways.push(format!("{} leaves {it} out", flags.join(" ")));
    }
    format!(
        "{}; to allow {first} for good, add \"{fingerprint}\", the rule \"{rule}\" or a path glob \
         to the `allow` list in the [secrets] table of the config file (see `langdock help \
         secrets`)",
        ways.join(", ")
    )
}

fn input_hint(error: &input::Error) -> String {
    let hint = match error {
        input::Error::NoPrompt => {
            "add a prompt in quotes, such as 'Why is the sky blue?', or pipe one in"
        }
        input::Error::Binary { .. } => {
            "send text, an image (JPEG, PNG, GIF, WebP, BMP, TIFF) or a PDF"
        }
        input::Error::NotText {
            kind: FileKind::Binary,
            ..
        } => "use a UTF-8 text file",
        input::Error::NotText { .. } => "send images and PDFs with -f",
        input::Error::NotUtf8 { .. } => {
            "save it as UTF-8, for example with `iconv -f latin1 -t utf-8 OLD > NEW`"
        }
        input::Error::ImageFormat { name, format } => return convert_hint(name, format),
        input::Error::Pdf { name, source } => return pdf_hint(name, *source),
        input::Error::Image {
            source: ImageError::Damaged,
            ..
        } => "check that the file is complete",
        input::Error::Image {
            source: ImageError::TooManyPixelsOfMany(_),
            ..
        } => {
            "scale it down with `--image-size fit`, send fewer images, or start a new \
            conversation"
        }
        input::Error::Image {
            source: ImageError::Format(_),
            ..
        } => "let langdock convert it with `--image-size fit`",
        input::Error::Image {
            source: ImageError::TooManyPixels(_) | ImageError::TooManyBytes { .. },
            ..
        } => "scale it down with `--image-size fit`",
        input::Error::Image { .. } => "make the image smaller",
        input::Error::TooManyImages { .. } => "send fewer images, or start a new conversation",
        input::Error::TooManyPages { .. } => "send the PDFs in several requests",
        input::Error::TooLong { exclude, .. } if !exclude.is_empty() => {
            return exclude_hint(exclude);
        }
        input::Error::TooLong { .. } => "send it in pieces, or try --no-check",
        input::Error::NoMatch { .. } => {
            "check the pattern with `ls`; hidden files, and files excluded by .gitignore or \
             --exclude, do not match"
        }
        input::Error::Pattern { .. } => {
            "write it as in .gitignore, for example 'target/' or '*.snap'"
        }
        input::Error::EmptyFileList { .. } => {
            "write one path per line, or separate them with NUL bytes"
        }
        input::Error::NoClipboardProgram => {
            "install wl-clipboard on Wayland, xclip on X11, or pngpaste on macOS"
        }
        input::Error::Clipboard(_) => "copy an image first",
        input::Error::TextAttached { .. } => "send text with -f",
        input::Error::NoTextFiles { .. } => {
            "hidden files, and files excluded by .gitignore or --exclude, are skipped; to send one \
             of them, name it with -f"
        }
        input::Error::NotUserFirst => "put a user message first",
        input::Error::Messages { .. } => {
            "pass an array of messages, such as '[{\"role\": \"user\", \"content\": \"Hi\"}]', or \
             a request body"
        }
        input::Error::Template { .. } => "`langdock help template` explains templates",
        input::Error::Empty { .. } => "leave it out, or write something in it",
        input::Error::Unreadable { path, source } => return for_unreadable(path, source),
        input::Error::Secrets {
            count,
            rule,
            fingerprint,
            exclude,
            ..
        } => return secrets_hint(*count, rule, fingerprint, exclude),
        input::Error::Stdin(_) => "ignore standard input with --no-stdin",
    };
    hint.to_owned()
}

/// Returns the command that converts an image of another format.
fn convert_hint(name: &str, format: &str) -> String {
    let (program, ending) = match format {
        "HEIC" => ("heif-convert", "jpg"),
        "AVIF" => ("avifdec", "png"),
        "JPEG XL" => ("djxl", "png"),
        _ => ("magick", "png"),
    };
    let (file, converted) = conversion(name, ending);
    format!("convert it with `{program} {file} {converted}`, and send the result")
}

/// Returns the command that makes a PDF one that is accepted.
fn pdf_hint(name: &str, error: PdfError) -> String {
    let (file, converted) = conversion(name, "new.pdf");
    match error {
        PdfError::Preceded(bytes) => {
            let first = bytes + 1;
            format!("remove what precedes it with `tail -c +{first} {file} > {converted}`")
        }
        PdfError::Damaged => "check that the file is complete".to_owned(),
        PdfError::Encrypted => {
            format!("`qpdf --decrypt {file} {converted}` makes a copy that is not encrypted")
        }
        PdfError::TooManyPages { most, .. } => {
            format!(
                "`qpdf {file} --pages . 1-{most} -- {converted}` makes a copy of its first pages"
            )
        }
    }
}

/// Returns the names of a file and of what is made of it, quoted for a shell. What is not a file is
/// called that.
fn conversion(name: &str, ending: &str) -> (String, String) {
    let path = name
        .strip_prefix('`')
        .and_then(|name| name.strip_suffix('`'));
    let path = std::path::Path::new(path.unwrap_or("FILE"));
    let converted = path.with_extension(ending);
    (
        shell_quote(&path.to_string_lossy()),
        shell_quote(&converted.to_string_lossy()),
    )
}

fn session_hint(error: &session::Error, controls: &HintControls) -> String {
    let hint = match error {
        session::Error::Unknown(_) => controls.sessions_are_listed_by,
        session::Error::Ambiguous { .. } => "name one of them by its id",
        session::Error::None => {
            "start one with `langdock chat` or --session NAME; without --session, `send` saves a \
             conversation only if its answer goes to a terminal"
        }
        session::Error::Taken(_) => {
            "choose another name, or delete that conversation with `langdock session rm`"
        }
        session::Error::Newer { .. } => "install a newer version of langdock",
        session::Error::NoHome => "set HOME",
        session::Error::BadName { .. } => "choose another name",
        session::Error::Foreign { path } => {
            return format!(
                "`head -c 300 {}` shows what it is; move it elsewhere",
                shown(path)
            );
        }
        session::Error::Unreadable { path, source } => return for_unreadable(path, source),
        session::Error::Unwritable { path, source } => return for_unwritable(path, source),
    };
    hint.to_owned()
}

/// Puts before a hint what a conversation sends no more as it was, and what to do then.
fn with_left_out(parts: Option<&RefusedParts>, hint: String, controls: &HintControls) -> String {
    let Some(parts) = parts else { return hint };
    let results = (!parts.tools.is_empty()).then(|| {
        let names: Vec<String> = parts.tools.iter().map(|name| format!("`{name}`")).collect();
        format!(
            "a note replaces the results of {} in the conversation; {}",
            names.join(" and "),
            controls.refused_results
        )
    });
    let message = parts
        .has_message
        .then(|| controls.refused_message.to_owned());
    let hints: Vec<String> = message.into_iter().chain(results).chain([hint]).collect();
    hints.join("; ")
}

fn record_hint(error: &RecordError) -> String {
    match error {
        RecordError::OtherFormat { .. } => "name a file that --record wrote".to_owned(),
        RecordError::Occupied { .. } => "name a new file, or one that --record wrote".to_owned(),
        RecordError::Newer { .. } => "update langdock, or record again".to_owned(),
        RecordError::BadLine { line, path, .. } => {
            format!("delete that line: `sed -i.bak {line}d {}`", shown(path))
        }
        RecordError::Unreadable { path, source } => for_unreadable(path, source),
        RecordError::Unwritable { path, source } => for_unwritable(path, source),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};
    use std::path::PathBuf;

    use super::*;
    use crate::error::Kind;

    #[test]
    fn what_is_wrong_with_files_and_tools_has_a_hint_that_can_be_typed() {
        let path = || PathBuf::from("/data/sessions/x.jsonl");
        let source = || io::Error::from(ErrorKind::PermissionDenied);
        let no_tool = crate::tool::Error {
            file: "x.toml".to_owned(),
            reason: "no name".to_owned(),
        };
        for (error, typed) in [
            (
                Error::Session(session::Error::Unreadable {
                    path: path(),
                    source: source(),
                }),
                "`ls -ld /data/sessions/x.jsonl`",
            ),
            (
                Error::Session(session::Error::Unwritable {
                    path: path(),
                    source: source(),
                }),
                "`ls -ld /data/sessions`",
            ),
            (
                Error::Session(session::Error::Foreign { path: path() }),
                "`head -c 300 /data/sessions/x.jsonl`",
            ),
            (
                Error::Unreadable {
                    path: path(),
                    source: source(),
                },
                "`ls -ld /data/sessions/x.jsonl`",
            ),
            (
                Error::Unwritable {
                    path: PathBuf::from("x"),
                    source: source(),
                },
                "`ls -ld .`",
            ),
            (Error::Tool(no_tool), "`langdock help tool-run`"),
            (
                Error::CallByHand {
                    how: "it ended with 1".to_owned(),
                    ran: true,
                    lister: "`langdock tool-run --list`",
                },
                "the tool ran, but failed: check what it printed and the input; \
                 `langdock tool-run --list`",
            ),
            (
                Error::Unwell {
                    wrong: 1,
                    kind: Kind::Auth,
                },
                "`langdock doctor`",
            ),
        ] {
            let hint = error.hint().unwrap_or_default();
            assert!(hint.contains(typed), "{error}: {hint}");
        }
    }
}
