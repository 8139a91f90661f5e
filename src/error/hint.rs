//! What to do next about a failure: one line that can be typed, or looked at.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use super::Error;
use super::controls::{COMMAND_LINE, HintControls};
use crate::client::{self, CallTimeout, CertificateFlaw, EndpointError, StatusError};
use crate::fs::FileRefusal;
use crate::media::ImageError;
use crate::protocol::{ApiError, StopReason, StreamError};
use crate::text::{
    by_likeness, format_duration, format_seconds, nearest_name, round_up_to_seconds, shell_quote,
};
use crate::ui::OutputError;
use crate::{batch, config, input, session};

/// A shorter wait that a server asks for is not worth a word.
const A_SECOND: Duration = Duration::from_secs(1);

impl Error {
    /// Returns what to do next on the command line.
    pub(crate) fn hint(&self) -> Option<String> {
        self.hint_with(&COMMAND_LINE)
    }

    /// Returns what to do next where these are typed.
    pub(crate) fn hint_with(&self, controls: &HintControls) -> Option<String> {
        let HintControls {
            model: choose,
            region: choose_region,
            ..
        } = controls;
        let hint = match self {
            Self::Usage { hint, .. } => return hint.clone(),
            Self::Config(error) => return Some(config_hint(error, controls)),
            Self::Input(error) => return Some(input_hint(error)),
            Self::Session(error) => return Some(session_hint(error, controls)),
            Self::Call {
                after_content: true,
                source,
                left,
                ..
            } => {
                return Some(format!("{}; {}", left.in_words(), again(source)));
            }
            Self::Call { source, model, .. } => return Some(call_hint(source, model, controls)),
            Self::NoModel => {
                "choose one with -m ID or LANGDOCK_MODEL; with a key, one is picked from the \
                 region's list"
            }
            Self::NothingToPick { others, .. } if others.is_empty() => {
                return Some(format!(
                    "try another {choose_region}, or ask your workspace's admin"
                ));
            }
            Self::NothingToPick { others, .. } => {
                return Some(format!("choose one with {choose}: {}", others.join(", ")));
            }
            Self::Elsewhere {
                region, regions, ..
            } => {
                return Some(format!(
                    "{choose_region} {regions} has it; `langdock models` asks what {region} has"
                ));
            }
            Self::Build(client::BuildError::CaFile { .. }) => {
                "give --cacert or SSL_CERT_FILE a file of PEM certificates"
            }
            Self::Build(_) => "a proxy is written as http://host:port",
            Self::RequestTooLarge { .. } => {
                "leave the largest part out, send it in pieces, or try it with --no-check"
            }
            Self::TooManyTokens { .. } => {
                "leave the largest part out, send it in pieces, or try it with --no-check; \
                 `langdock count` shows the parts"
            }
            Self::Truncated(StopReason::MaxTokens) => {
                "raise --max-tokens, or accept it with --allow-truncated"
            }
            Self::Truncated(_) => "send less, or accept it with --allow-truncated",
            Self::Paused { is_saved: true } => {
                "continue it with `langdock send -c 'Go on.'`; `langdock tool-run` continues by itself"
            }
            Self::Paused { is_saved: false } => {
                "`langdock tool-run` with the same prompt continues by itself"
            }
            Self::Refusal(_) => "ask in another way; the same prompt will be refused again",
            Self::NoCodeBlock(_) => {
                "ask for a fenced code block in the prompt; an answer without one goes to stderr"
            }
            Self::MaxTurns(_) => "allow more turns with --max-turns",
            Self::Batch(batch::Error::NoObject { .. }) => {
                "put a JSON object on each line, or text on each"
            }
            Self::Batch(batch::Error::UnfilledField { is_text: true, .. }) => {
                "a line of text has {text} alone; JSON Lines have an object on each line: `jq -c \
                 '.[]'` makes them of an array"
            }
            Self::Batch(batch::Error::ShardCount { .. }) => {
                "add how many there are: --shard auto/N"
            }
            Self::Batch(batch::Error::NoShard | batch::Error::Shard(_)) => {
                "name the shard yourself with --shard I/N, such as --shard 2/10"
            }
            Self::Batch(_) => "write a field as {text} or {KEY}, and {{ or }} for a literal brace",
            Self::ItemsFailed {
                can_go_on: true, ..
            } => "their lines say why; --retry-failed asks them again",
            Self::ItemsFailed { .. } => {
                "their lines say why; with --output FILE, --retry-failed asks them alone again"
            }
            Self::Merge(flaws) => return Some(flaws.next_step()),
            Self::Budget {
                can_go_on: true, ..
            } => "run the same command to continue, with a new budget",
            Self::Budget { .. } => "with --output FILE the same command could continue from there",
            Self::Unfit(_) => {
                "let it be corrected more often with --repair, or make the schema simpler"
            }
            Self::Listen { .. } => "choose another one with --port; without it a free one is taken",
            Self::Output(OutputError::File { path, source }) => {
                return Some(for_output_file(path, source));
            }
            Self::Output(OutputError::Failed(_)) => ELSEWHERE,
            Self::Output(OutputError::InUse { .. }) => {
                "wait for it, or write to another file with -o FILE"
            }
            Self::Unwritable { path, source } => return Some(for_unwritable(path, source)),
            Self::Unreadable { path, .. } => return Some(look_at(path)),
            Self::System { .. } => "`langdock doctor` looks at what a request needs",
            Self::Bug(_) => {
                "this is a bug of langdock, or the system has run out of something; see `ulimit -a`"
            }
            Self::Tool(_) => {
                "`langdock help tool-run` has the keys of a tools file, `langdock help send` \
                 tells of -T and --schema"
            }
            Self::CallByHand(_) => {
                "`langdock tool-run --list` with the same -T shows the command of each tool, and \
                 what it takes"
            }
            Self::Unwell { .. } => "see the hints above, then run `langdock doctor` again",
            // The help is the hint of the first; the others are what somebody wanted.
            Self::NoCommand { .. } | Self::Output(_) | Self::Interrupted(_) | Self::Served(_) => {
                return None;
            }
        };
        Some(hint.to_owned())
    }
}

/// What to do where there is no room for an answer.
const ELSEWHERE: &str = "make room, or write to a file elsewhere with -o FILE";

/// What to do about the file of `--output`.
fn for_output_file(path: &Path, why: &io::Error) -> String {
    match why.kind() {
        _ if FileRefusal::is_cause_of(why) => move_away(path),
        ErrorKind::IsADirectory => "it is a directory: name a file in it".to_owned(),
        ErrorKind::NotFound => match path
            .parent()
            .filter(|directory| !directory.as_os_str().is_empty())
        {
            Some(directory) => format!(
                "the directory has to be there: `mkdir -p {}`",
                shown(directory)
            ),
            None => ELSEWHERE.to_owned(),
        },
        ErrorKind::NotADirectory => look_at(path.parent().unwrap_or(path)),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "write to a file elsewhere with -o FILE, where you may".to_owned()
        }
        _ => ELSEWHERE.to_owned(),
    }
}

/// What to do about a file that cannot be written.
fn for_unwritable(path: &Path, why: &io::Error) -> String {
    match why.kind() {
        _ if FileRefusal::is_cause_of(why) => move_away(path),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "make room on the disk, or raise the limit that `ulimit -f` shows".to_owned()
        }
        _ => look_at(path.parent().unwrap_or(path)),
    }
}

/// What to do about something that lies where a file of ours would be.
fn move_away(path: &Path) -> String {
    let mut elsewhere = path.to_owned().into_os_string();
    elsewhere.push(".old");
    format!(
        "move it away: `mv {} {}`",
        shown(path),
        shown(Path::new(&elsewhere))
    )
}

/// A path as it can be typed.
fn shown(path: &Path) -> String {
    shell_quote(&path.to_string_lossy())
}

/// What shows why a file cannot be read, or why nothing can be written in a directory.
fn look_at(path: &Path) -> String {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    format!(
        "`ls -ld {}` shows whether it is there and whose it is",
        shown(path)
    )
}

fn config_hint(error: &config::Error, controls: &HintControls) -> String {
    match error {
        config::Error::NoKey { .. } => "set LANGDOCK_API_KEY, give --api-key-file FILE, store \
                                        one with `langdock auth \
                                        login`, or set api_key_cmd in the config file; --demo \
                                        needs no key and \
                                        answers from a script"
            .to_owned(),
        config::Error::KeyFileMode { path } => {
            format!(
                "run `chmod 600 {}`; if others may have read the key, have it replaced",
                shown(path)
            )
        }
        config::Error::KeyCommand { .. } => "run the command by hand; it has to print the key \
                                             alone"
            .to_owned(),
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
        config::Error::NoHome => "set HOME, or name a config file with LANGDOCK_CONFIG".to_owned(),
        config::Error::Endpoint {
            source: EndpointError::PlainHttp(_),
            ..
        } => "use https://, or allow it with --allow-http".to_owned(),
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
            "a base URL looks like https://api.langdock.com/anthropic/{region}".to_owned()
        }
        config::Error::Key { .. } => "a key is one word such as sk-ld-…".to_owned(),
        config::Error::Unreadable { .. } => {
            "check the file, and LANGDOCK_CONFIG if it is set".to_owned()
        }
        config::Error::Value { .. }
        | config::Error::Syntax { .. }
        | config::Error::Refused { .. } => {
            "`langdock help config` shows what each key may be".to_owned()
        }
        config::Error::Unwritable { path, source } => for_unwritable(path, source),
        config::Error::KeyFile { path, .. } => look_at(path),
    }
}

fn profile_hint(name: &str, known: &[String]) -> String {
    match (nearest_name(name, known.iter().map(String::as_str)), known) {
        (Some(nearest), _) => format!("did you mean `{nearest}`?"),
        (None, []) => "a profile is a table such as [profiles.work] there".to_owned(),
        (None, known) => format!("there are: {}", known.join(", ")),
    }
}

fn input_hint(error: &input::Error) -> String {
    let hint = match error {
        input::Error::NoPrompt => {
            "give a prompt: `langdock send 'Why is the sky blue?'`, or pipe one in"
        }
        input::Error::Binary { .. } => "send text, an image (JPEG, PNG, GIF, WebP) or a PDF",
        input::Error::NotText { .. } => "images and PDFs go with -f",
        input::Error::NotUtf8 { .. } => {
            "save it as UTF-8, for example with `iconv -f latin1 -t utf-8`"
        }
        input::Error::ImageFormat { .. } => "convert it first, for example to PNG",
        input::Error::Image {
            source: ImageError::Damaged,
            ..
        } => "check that the file is complete",
        input::Error::Image {
            source: ImageError::TooManyPixelsOfMany(_),
            ..
        } => "make the image smaller, send fewer, or begin another conversation",
        input::Error::Image { .. } => "make the image smaller",
        input::Error::TooLong { .. } => "send it in pieces, or try it with --no-check",
        input::Error::TextAttached { .. } => "send text with -f",
        input::Error::NoTextFiles { .. } => {
            "hidden files and those that .gitignore names are left out; -f names one"
        }
        input::Error::NotUserFirst => "put a message with `role` user in front",
        input::Error::Malformed { .. } => {
            "`langdock help send` tells what a file of --messages may hold, `langdock help \
             template` what a template may"
        }
        input::Error::Unreadable { path, .. } => return look_at(path),
        input::Error::Stdin(_) => "leave standard input out with --no-stdin",
    };
    hint.to_owned()
}

fn session_hint(error: &session::Error, controls: &HintControls) -> String {
    let hint = match error {
        session::Error::Unknown(_) => controls.sessions_are_listed_by,
        session::Error::Ambiguous { .. } => "give more of the id",
        session::Error::None => {
            "begin one with --session NAME; `send` on a terminal begins one too"
        }
        session::Error::Taken(_) => {
            "choose another name, or delete that one with `langdock session rm`"
        }
        session::Error::Newer { .. } => "use a newer langdock",
        session::Error::NoHome => "set HOME",
        session::Error::BadName { .. } => "choose another name",
        session::Error::Foreign { path } => {
            return format!(
                "`head -c 300 {}` shows what it is; moved elsewhere, it is in nobody's way",
                shown(path)
            );
        }
        session::Error::Unreadable { path, .. } => return look_at(path),
        session::Error::Unwritable { path, source } => return for_unwritable(path, source),
    };
    hint.to_owned()
}

/// How to get the whole of an answer that broke off.
fn again(error: &client::Error) -> &'static str {
    match error {
        client::Error::TimedOut(CallTimeout::Idle(_)) => {
            "send the request again, with a longer --idle-timeout"
        }
        client::Error::TimedOut(CallTimeout::Total(_)) => {
            "send the request again, with a longer --timeout"
        }
        _ => "send the request again for a complete answer",
    }
}

/// Whether the endpoint misses the tools that a conversation has calls of; the words are
/// Anthropic's.
fn lacks_tools(error: &client::Error) -> bool {
    error
        .api()
        .is_some_and(|api| api.message.contains("must define tools"))
}

fn call_hint(error: &client::Error, model: &str, controls: &HintControls) -> String {
    if let Some(available) = error.api().and_then(ApiError::available_models) {
        return suggest_model(model, &available, controls.model);
    }
    if let client::Error::Status(refused) = error
        && let Some(hint) = wait_hint(refused)
    {
        return hint;
    }
    let said = error.api().map_or("", |api| api.message.as_str());
    let HintControls {
        model: choose,
        region,
        ..
    } = controls;
    let hint = match (error, error.status()) {
        (_, Some(401)) => {
            "check the key: `langdock auth status` tells where it is from; ask \
             support@langdock.com for one"
        }
        (_, Some(402)) => {
            "the workspace or the key has no budget left; ask your admin or support@langdock.com"
        }
        (_, Some(403)) => {
            "the key needs the Completion API scope, and the workspace the model; ask \
             support@langdock.com"
        }
        (_, Some(404)) if model.is_empty() => {
            return format!(
                "check --base-url and {region}; without a list, choose a model with {choose}"
            );
        }
        (_, Some(404)) => return format!("check --base-url and {region}"),
        (
            client::Error::ProxyLogin {
                is_refused: true, ..
            },
            _,
        ) => {
            "check the user name and the password in the proxy's URL; signs in them are written \
             as %XX"
        }
        (client::Error::ProxyLogin { .. }, _) => {
            "put the proxy's user name and password into its URL"
        }
        (_, Some(407)) => {
            "put the proxy's user name and password into its URL, or check them where they are \
             there"
        }
        (_, Some(413)) => "send less",
        (client::Error::LedgerObstructed(obstruction), _) => return move_away(&obstruction.path),
        (client::Error::HeldBack { .. }, _) => "wait, or let it wait longer with --max-wait",
        (_, Some(429)) => "wait, or keep trying for longer with --max-retries and --max-wait",
        (_, Some(300..=399)) => "give the address it points to as --base-url, if you trust it",
        (_, Some(400)) if lacks_tools(error) => {
            "what was said before has calls of tools: name their file with -T"
        }
        // These words are Anthropic's too.
        (_, Some(400)) if said.contains("prompt is too long") => {
            "send less, or choose a model with a larger window; `langdock count` shows what the \
             parts take"
        }
        (_, Some(400)) if said.contains("max_tokens") => {
            "choose another --max-tokens, a lower one where it is too many"
        }
        (_, Some(100..=299)) => "check --base-url: does it speak the Messages API?",
        (_, Some(400..=407 | 410..=499)) => controls.request_is_shown_by,
        (_, Some(_)) => "try again later; --max-retries and --max-wait say how long to keep trying",
        (client::Error::Certificate { flaw, .. }, _) => certificate_hint(*flaw),
        (client::Error::TimedOut(CallTimeout::Idle(_)), _) => "wait longer with --idle-timeout",
        (client::Error::TimedOut(CallTimeout::Total(_) | CallTimeout::Turn(_)), _) => {
            "wait longer with --timeout"
        }
        (client::Error::TimedOut(CallTimeout::Connect(_)), _) => {
            "wait longer with --connect-timeout, or check the network"
        }
        (
            client::Error::Answer {
                source: StreamError::Cut,
                ..
            }
            | client::Error::Lost { .. },
            _,
        ) => "send it again",
        (
            client::Error::Answer {
                source: StreamError::Compressed { .. },
                ..
            },
            _,
        ) => "turn off compression of responses at the proxy or gateway in between",
        (client::Error::Answer { .. }, _) => "check --base-url: does it speak the Messages API?",
        (client::Error::NoModelList { .. }, _) => {
            return format!("check --base-url; without a list, choose a model with {choose}");
        }
        (client::Error::NoTls { .. }, _) => {
            "is it http://? Check --base-url; beyond this machine that needs --allow-http"
        }
        (client::Error::Proxy { .. }, _) => {
            "check --proxy, HTTPS_PROXY or `proxy` in the config; `langdock config show` tells \
             which one is taken"
        }
        _ => "check the network, --base-url and --proxy",
    };
    hint.to_owned()
}

/// What to do about a wait that the server asks for and that was not waited for, or about its wish
/// not to be tried again; none where it said nothing of either.
fn wait_hint(refused: &StatusError) -> Option<String> {
    if !client::is_transient_status(refused.status) {
        return None;
    }
    let asked = refused
        .retry_after
        .filter(|wait| *wait >= A_SECOND)
        .map(|wait| format_seconds(round_up_to_seconds(wait)));
    match (refused.should_retry, refused.needed_max_wait, asked) {
        (Some(false), _, Some(asked)) => Some(format!(
            "the server asks not to try this again by itself, and to wait {asked}; run it again \
             then"
        )),
        (Some(false), _, None) => {
            Some("the server asks not to try this again by itself; run it again later".to_owned())
        }
        (_, Some(needed), Some(asked)) => {
            let needed = format_duration(round_up_to_seconds(needed));
            Some(format!(
                "the server asks to wait {asked}; allow it with --max-wait {needed}"
            ))
        }
        (_, _, Some(asked)) => Some(format!(
            "the server asks to wait {asked}; run the command again then"
        )),
        (_, _, None) => None,
    }
}

/// What to do about a certificate. The one who reads this may not be the one who has the server.
fn certificate_hint(flaw: CertificateFlaw) -> &'static str {
    match flaw {
        CertificateFlaw::Time => {
            "check this machine's clock; if it is right, the server's certificate has to be renewed"
        }
        CertificateFlaw::Name => {
            "check the host in --base-url, and --proxy: the certificate has to be for the one \
             that is asked"
        }
        CertificateFlaw::Cas => {
            "have the server present a certificate that is no CA's (with `openssl req -x509`: \
             -addext \
             basicConstraints=critical,CA:FALSE)"
        }
        CertificateFlaw::Version => {
            "have the server present a certificate of version 3 (`openssl x509 -req` makes one \
             if it is given -extfile)"
        }
        CertificateFlaw::Issuer => "trust the issuer with --cacert FILE, or check the base URL",
    }
}

/// Names the nearest of the models that the API says it has, and the others; `choose` is what is
/// typed before a model's id.
fn suggest_model(asked: &str, available: &[&str], choose: &str) -> String {
    match by_likeness(asked, available).split_first() {
        Some((nearest, [])) => format!("use {choose} {nearest}"),
        Some((nearest, others)) => format!(
            "did you mean {choose} {nearest}? There are also: {}",
            others.join(", ")
        ),
        None => format!("choose another model with {choose}"),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
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
            (Error::Tool(no_tool), "`langdock help send`"),
            (
                Error::CallByHand("it ended with 1".to_owned()),
                "`langdock tool-run --list`",
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

    #[test]
    fn the_nearest_model_is_suggested_first() {
        let available = [
            "gpt-5-mini",
            "claude-haiku-4-5-20251001",
            "claude-sonnet-4-5-20250929",
        ];
        let hint = suggest_model("claude-sonnet-4-5", &available, "-m");
        assert!(
            hint.starts_with("did you mean -m claude-sonnet-4-5-20250929?"),
            "{hint}"
        );
    }
}
