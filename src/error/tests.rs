//! Every error with its hint, verbatim.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::batch::{BudgetRefusal, RecordMerger, RecordSummary};
use crate::client::{
    ApiKey, BuildError, CallTimeout, CertificateFlaw, EndpointError, KeyError, StatusError,
};
use crate::config::Origin;
use crate::fs::{FileDistrust, FileRefusal};
use crate::media::{FileKind, PdfError, PixelSize};
use crate::pace::LedgerObstruction;
use crate::protocol::{AnswerLimit, ApiError, MissingPart};
use crate::recording::{RecordError, RecordedAnswers, RequestKey};
use crate::ui::CopyError;

/// Variants without a sample: reqwest's errors cannot be constructed, and the flaws of a merge have
/// their own tests.
const UNMADE: [&str; 2] = ["Client", "Merge"];

fn path() -> PathBuf {
    PathBuf::from("/data/file")
}

fn denied() -> io::Error {
    ErrorKind::PermissionDenied.into()
}

fn name() -> String {
    "`notes.md`".to_owned()
}

fn size() -> PixelSize {
    PixelSize {
        width: 9_000,
        height: 1,
    }
}

fn call(source: client::Error) -> Error {
    Error::Call {
        source,
        after_content: false,
        left: Left::Kept,
        attempts: 1,
        model: "claude-a".into(),
        left_out: None,
    }
}

fn of_records() -> Vec<Error> {
    let path = || PathBuf::from("r.jsonl");
    let line = |prompt: &str| {
        format!(
            r#"{{"at":"","attempt":1,"took_ms":1,"request":{{"method":"POST","url":"https://h/v1/messages","headers":[],"body":{{"prompt":"{prompt}"}}}}}}"#
        )
    };
    let directory = tempfile::tempdir().expect("a directory");
    let header = r#"{"format":"langdock-record","version":1}"#;
    let missing = |lines: &[&str]| {
        let file = directory.path().join("r.jsonl");
        std::fs::write(&file, lines.join("\n")).expect("it is writable");
        let body = Some(&br#"{"prompt":"Why?"}"#[..]);
        let key = RequestKey::from_request("POST", "/v1/messages", body).expect("a key");
        let record = RecordedAnswers::read(&file).expect("a record");
        let mut missing = record.next_answer(&key).expect_err("it is missing");
        missing.path = path();
        call(client::Error::NotRecorded(Box::new(missing)))
    };
    vec![
        Error::Record(RecordError::OtherFormat { path: path() }),
        Error::Record(RecordError::Occupied { path: path() }),
        Error::Record(RecordError::Newer {
            path: path(),
            version: 2,
        }),
        Error::Record(RecordError::BadLine {
            path: path(),
            line: 7,
            reason: "expected value".to_owned(),
        }),
        Error::Record(RecordError::Unreadable {
            path: path(),
            source: denied(),
        }),
        Error::Record(RecordError::Unwritable {
            path: path(),
            source: denied(),
        }),
        missing(&[header]),
        missing(&[header, &line("How?")]),
        call(client::Error::Unrecorded {
            path: path(),
            source: ErrorKind::StorageFull.into(),
        }),
    ]
}

fn answer(source: StreamError) -> Error {
    call(client::Error::Answer {
        source,
        request_id: None,
    })
}

fn status(status: u16) -> Error {
    call(client::Error::Status(Box::new(StatusError {
        status,
        api: ApiError {
            message: "it went wrong".to_owned(),
            ..ApiError::default()
        },
        request_id: None,
        location: None,
        retry_after: None,
        needed_max_wait: None,
        should_retry: None,
    })))
}

/// The errors of options that the model refuses.
fn of_options() -> Vec<Error> {
    let alone = "claude-a does not accept `--thinking off`";
    let unknown = "it is not known whether claude-a accepts a thinking budget, so 2048 is not sent";
    [
        (
            "claude-a does not accept `--temperature 0.5`",
            OptionAdvice::LeaveOut,
        ),
        (
            "claude-a does not accept `--temperature 0.5` and `--top-p 0.5` in the same request",
            OptionAdvice::LeaveOneOut,
        ),
        (alone, OptionAdvice::LetItThink),
        (alone, OptionAdvice::ThinkBetweenTools),
        (alone, OptionAdvice::ThinkAuto),
        (unknown, OptionAdvice::BudgetUnknown),
        (
            "a thinking budget of 2,048 tokens does not fit: it must be at least 1,024 and less \
             than max_tokens, which is 1,000",
            OptionAdvice::OtherBudget { max_tokens: 4096 },
        ),
        (
            "--max-tokens is 9,999, but claude-a generates at most 4,096 tokens",
            OptionAdvice::FewerTokens { most: 4096 },
        ),
        (
            "claude-a does not accept `--tool-choice any`",
            OptionAdvice::ChooseFreely,
        ),
        (
            "claude-a does not accept `--prefill {`",
            OptionAdvice::AskInPrompt,
        ),
    ]
    .into_iter()
    .map(|(message, advice)| Error::OptionRefused {
        message: message.to_owned(),
        advice,
    })
    .collect()
}

/// The errors of a request that is too large.
fn of_the_size() -> Vec<Error> {
    vec![
        Error::RequestTooLarge {
            bytes: 30_000_000,
            limit: 20_971_520,
            largest: name(),
            exclude: Vec::new(),
        },
        Error::TooManyTokens {
            tokens: 250_000,
            most: 200_000,
            limit: "claude-a's context window of 200,000 tokens".to_owned(),
            largest: name(),
            exclude: Vec::new(),
        },
        Error::TooManyTokens {
            tokens: 250_000,
            most: 200_000,
            limit: "claude-a's context window of 200,000 tokens".to_owned(),
            largest: name(),
            exclude: vec!["tests/".to_owned(), "a b.md".to_owned()],
        },
    ]
}

fn of_the_run() -> Vec<Error> {
    vec![
        Error::Usage {
            message: "--fork needs --continue".to_owned(),
            hint: Some("add --continue".to_owned()),
        },
        Error::NoCommand {
            help: String::new(),
        },
        Error::ItemsFailed {
            failed: 1_200,
            of: 5_000,
            can_go_on: true,
        },
        Error::ItemsFailed {
            failed: 1,
            of: 1,
            can_go_on: false,
        },
        Error::Budget {
            refused: BudgetRefusal::Requests(1_000),
            done: 1_000,
            can_go_on: true,
        },
        Error::Budget {
            refused: BudgetRefusal::Tokens(50_000),
            done: 12,
            can_go_on: false,
        },
        Error::Budget {
            refused: BudgetRefusal::Cost(Money::per_token(2_500).times(1_000_000)),
            done: 12,
            can_go_on: true,
        },
        Error::CostLimit {
            most: Money::per_token(500).times(1_000_000),
            spent: Money::per_token(412).times(1_000_000),
            run: EndedRun::Saved("4k6969hrzd".to_owned()),
        },
        Error::CostLimit {
            most: Money::per_token(500).times(1_000_000),
            spent: Money::ZERO,
            run: EndedRun::Unsent,
        },
        Error::CostLimit {
            most: Money::per_token(500).times(1_000_000),
            spent: Money::per_token(412).times(1_000_000),
            run: EndedRun::Unsaved,
        },
        Error::NoListPrice("claude-3-opus-20240229".to_owned()),
        Error::MaxTurns(10),
        Error::McpServersFailed { failed: 1, of: 7 },
        Error::McpServer {
            server: "files".to_owned(),
            given: "./servers.json".to_owned(),
            reason: "it exited with code 1".to_owned(),
            last_lines: vec!["Error: no such directory".to_owned(), "usage: x".to_owned()],
        },
        Error::CallByHand {
            how: "the tool failed with exit code 3".to_owned(),
            ran: true,
            lister: "`langdock tool-run --list` with the same -T or --mcp",
        },
        Error::Unfit("at `/n`: \"x\" is not of type \"integer\"".to_owned()),
        Error::NoModel,
        Error::NothingToPick {
            region: "eu".to_owned(),
            others: Vec::new(),
        },
        Error::NothingToPick {
            region: "eu".to_owned(),
            others: vec!["gpt-5".to_owned()],
        },
        Error::Unlisted {
            model: "claude-sonet-5".to_owned(),
            region: "eu".to_owned(),
            others: vec!["claude-opus-5".to_owned(), "claude-sonnet-5".to_owned()],
        },
        Error::NoneOfFamily {
            family: "opus".to_owned(),
            region: "eu".to_owned(),
            others: vec!["claude-sonnet-5".to_owned()],
        },
        Error::Elsewhere {
            model: "claude-3-opus-20240229".to_owned(),
            region: "eu".to_owned(),
            regions: "us".to_owned(),
        },
    ]
}

fn of_the_end() -> Vec<Error> {
    vec![
        Error::Truncated(StopReason::MaxTokens),
        Error::Truncated(StopReason::ModelContextWindowExceeded),
        Error::Paused { is_saved: true },
        Error::Paused { is_saved: false },
        Error::EmptyAnswer(MissingPart::Content),
        Error::EmptyAnswer(MissingPart::Call),
        Error::Refusal(None),
        Error::Refusal(Some("it is about weapons".to_owned())),
        Error::NoCodeBlock(None),
        Error::Copy(CopyError::NoWay(
            "no terminal or desktop clipboard is available".to_owned(),
        )),
        Error::NoCodeBlock(Some("sh".to_owned())),
        Error::Unwritable {
            path: path(),
            source: denied(),
        },
        Error::Unwritable {
            path: path(),
            source: ErrorKind::StorageFull.into(),
        },
        Error::Unreadable {
            path: path(),
            source: denied(),
        },
        Error::Unwell {
            wrong: 2,
            kind: Kind::Auth,
        },
        Error::Interrupted(2),
        Error::Served(15),
        Error::Listen {
            port: 8080,
            source: ErrorKind::AddrInUse.into(),
        },
        Error::System {
            what: "start the async runtime",
            source: denied(),
        },
        Error::Bug("index out of bounds (call.rs:7)".to_owned()),
        Error::Tool(tool::Error {
            file: "`tools.toml`".to_owned(),
            reason: "line 1: tool `look`: `input_schema` is missing".to_owned(),
        }),
        Error::Schema {
            file: "--schema".to_owned(),
            reason: "not valid JSON: expected value at line 1 column 1".to_owned(),
        },
    ]
}

fn of_output() -> Vec<Error> {
    let file = |kind: ErrorKind| OutputError::File {
        path: path(),
        source: kind.into(),
    };
    [
        OutputError::Closed,
        OutputError::Interrupted(2),
        OutputError::Failed(ErrorKind::StorageFull.into()),
        file(ErrorKind::NotFound),
        file(ErrorKind::PermissionDenied),
        file(ErrorKind::IsADirectory),
        OutputError::File {
            path: path(),
            source: FileRefusal::HardLinks(2).into(),
        },
        OutputError::InUse { path: path() },
    ]
    .map(Error::Output)
    .into()
}

fn of_config() -> Vec<Error> {
    let origin = || Origin::Flag("--base-url");
    let endpoint = |source| config::Error::Endpoint {
        origin: origin(),
        source,
    };
    let url = || "ftp://x".to_owned();
    vec![
        endpoint(EndpointError::BadRegion("E U".to_owned())),
        endpoint(EndpointError::BadUrl(url(), "empty host".to_owned())),
        endpoint(EndpointError::BadScheme("localhost:8080".to_owned())),
        endpoint(EndpointError::BadScheme(url())),
        endpoint(EndpointError::Unwanted(url(), "a query")),
        endpoint(EndpointError::PlainHttp("http://api.example".to_owned())),
        endpoint(EndpointError::UnclearRegion(
            "https://api.langdock.com/anthropic/us/x".to_owned(),
        )),
        endpoint(EndpointError::RegionConflict {
            fixed: "us".to_owned(),
            chosen: "eu".to_owned(),
        }),
        config::Error::Value {
            origin: Origin::Environment("LANGDOCK_MAX_TOKENS"),
            reason: "`many` is not a whole number".to_owned(),
        },
        config::Error::Syntax {
            path: path(),
            line: 3,
            reason: "expected `=`".to_owned(),
        },
        config::Error::UnknownKey {
            path: path(),
            line: 3,
            key: "regoin".to_owned(),
            nearest: Some("region"),
        },
        config::Error::UnknownKey {
            path: path(),
            line: 3,
            key: "x".to_owned(),
            nearest: None,
        },
        config::Error::UnknownProfile {
            origin: Origin::Flag("--profile"),
            name: "wrok".to_owned(),
            known: vec!["work".to_owned()],
        },
        config::Error::UnknownProfile {
            origin: Origin::Flag("--profile"),
            name: "work".to_owned(),
            known: Vec::new(),
        },
        config::Error::Unreadable {
            path: path(),
            source: denied(),
        },
        config::Error::Unwritable {
            path: path(),
            source: denied(),
        },
        config::Error::Refused {
            key: "region".to_owned(),
            reason: "`E U` is not a region".to_owned(),
        },
        config::Error::Exists { path: path() },
        config::Error::Unchangeable {
            path: path(),
            refusal: FileRefusal::OtherKind("device"),
        },
        config::Error::NoHome,
        config::Error::Key {
            origin: Origin::Environment("LANGDOCK_API_KEY"),
            source: KeyError::Empty,
        },
        config::Error::Key {
            origin: Origin::Environment("LANGDOCK_API_KEY"),
            source: ApiKey::new("a b").expect_err("a key has no space"),
        },
        config::Error::KeyFile {
            path: path(),
            source: denied(),
        },
        config::Error::KeyFileMode { path: path() },
        config::Error::untrusted(&path(), FileDistrust::WorldWritable(0o666)),
        config::Error::untrusted(&path(), FileDistrust::OtherOwner(1000)),
        config::Error::untrusted(&path(), FileDistrust::GroupWritable(0o775)),
        config::Error::untrusted(
            &path(),
            FileDistrust::WritableDirectory {
                directory: path(),
                mode: 0o777,
            },
        ),
        config::Error::untrusted(
            &path(),
            FileDistrust::DirectoryOfOther {
                directory: path(),
                owner: 1000,
            },
        ),
        config::Error::KeyCommand {
            program: "pass".to_owned(),
            reason: "exit status: 1".to_owned(),
        },
        config::Error::LedgerPassword {
            origin: Origin::Environment("LANGDOCK_LEDGER"),
            address: "redis.example:6379".to_owned(),
        },
        config::Error::NoKey {
            host: "api.example".to_owned(),
            commanded_for: None,
            stored_for: Vec::new(),
        },
        config::Error::NoKey {
            host: "api.example".to_owned(),
            commanded_for: Some("api.langdock.com".to_owned()),
            stored_for: Vec::new(),
        },
        config::Error::NoKey {
            host: "api.example".to_owned(),
            commanded_for: None,
            stored_for: vec!["api.langdock.com".to_owned()],
        },
    ]
    .into_iter()
    .map(Error::Config)
    .collect()
}

fn fingerprint() -> String {
    format!("sha256:{}", "0a".repeat(32))
}

fn of_input() -> Vec<Error> {
    let image = |source| input::Error::Image {
        name: name(),
        source,
    };
    vec![
        input::Error::Unreadable {
            path: path(),
            source: denied(),
        },
        input::Error::Stdin(denied()),
        input::Error::Binary { name: name() },
        input::Error::NotText {
            name: name(),
            kind: FileKind::Pdf,
        },
        input::Error::NotText {
            name: name(),
            kind: FileKind::Binary,
        },
        input::Error::NotUtf8 {
            name: name(),
            offset: 12_345,
        },
        input::Error::NoClipboardProgram,
        input::Error::Clipboard("wl-paste: it printed nothing".to_owned()),
        input::Error::ImageFormat {
            name: name(),
            format: "HEIC",
        },
        input::Error::ImageFormat {
            name: "standard input".to_owned(),
            format: "JPEG 2000",
        },
        input::Error::Pdf {
            name: "`a b.pdf`".to_owned(),
            source: PdfError::Preceded(3),
        },
        input::Error::Pdf {
            name: "`a.pdf`".to_owned(),
            source: PdfError::Damaged,
        },
        input::Error::Pdf {
            name: name(),
            source: PdfError::Encrypted,
        },
        input::Error::Pdf {
            name: "`a.pdf`".to_owned(),
            source: PdfError::TooManyPages {
                pages: 1200,
                most: 600,
            },
        },
        image(ImageError::TooManyBytes {
            raw_bytes: 4_000_000,
            base64_bytes: 5_333_336,
        }),
        image(ImageError::TooManyPixels(size())),
        image(ImageError::TooManyPixelsOfMany(size())),
        image(ImageError::TooManyPixelsToChange(size())),
        image(ImageError::Format("BMP")),
        image(ImageError::TooMuchMemory {
            size: size(),
            memory: 400_000_000,
        }),
        image(ImageError::Damaged),
        input::Error::TooManyImages {
            count: 101,
            most: 100,
        },
        input::Error::TooManyPages {
            pages: 1200,
            most: 600,
        },
        input::Error::NoMatch {
            pattern: "src/**/*.rs".into(),
        },
        input::Error::Pattern {
            pattern: "a{".to_owned(),
            reason: "unclosed alternate group; missing '}'".to_owned(),
        },
        input::Error::EmptyFileList { name: name() },
        input::Error::TooLong {
            name: name(),
            most: 20_971_520,
            exclude: Vec::new(),
        },
        input::Error::TooLong {
            name: name(),
            most: 20_971_520,
            exclude: vec!["target/".to_owned()],
        },
        input::Error::TextAttached { name: name() },
        input::Error::NoTextFiles { path: path() },
        input::Error::Messages {
            name: name(),
            reason: "message 2: `role` must be `user` or `assistant`".to_owned(),
        },
        input::Error::Template {
            name: name(),
            reason: "line 2: unknown key `modle`".to_owned(),
        },
        input::Error::Empty { name: name() },
        input::Error::NotUserFirst,
        input::Error::Secrets {
            place: "`deploy.sh`, line 3".to_owned(),
            kind: "GitHub token".into(),
            rule: "github-token".into(),
            fingerprint: fingerprint(),
            count: 1,
            exclude: Vec::new(),
        },
        input::Error::Secrets {
            place: "`a/.env`, line 3".to_owned(),
            kind: "AWS access key".into(),
            rule: "aws-access-key".into(),
            fingerprint: fingerprint(),
            count: 4,
            exclude: vec!["deploy.sh".to_owned(), "keys/".to_owned()],
        },
        input::Error::NoPrompt,
    ]
    .into_iter()
    .map(Error::Input)
    .collect()
}

fn of_sessions() -> Vec<Error> {
    vec![
        session::Error::Unreadable {
            path: path(),
            source: denied(),
        },
        session::Error::Unwritable {
            path: path(),
            source: denied(),
        },
        session::Error::Foreign { path: path() },
        session::Error::Newer {
            path: path(),
            version: 9,
        },
        session::Error::Unknown("rivers".to_owned()),
        session::Error::Ambiguous {
            given: "0".to_owned(),
            ids: vec!["01".to_owned(), "02".to_owned()],
        },
        session::Error::None,
        session::Error::Taken("rivers".to_owned()),
        session::Error::BadName {
            name: " rivers".to_owned(),
            reason: "it begins or ends with white space",
        },
        session::Error::NoHome,
    ]
    .into_iter()
    .map(Error::Session)
    .collect()
}

fn of_batches() -> Vec<Error> {
    let unfilled = |is_text| batch::Error::UnfilledField {
        input: "`in.jsonl`".to_owned(),
        field: "name".to_owned(),
        known: vec!["text".to_owned()],
        is_text,
    };
    vec![
        batch::Error::Pattern("a `{` has no `}`".to_owned()),
        batch::Error::UnknownField {
            place: "line 2".to_owned(),
            field: "name".to_owned(),
            known: vec!["text".to_owned()],
        },
        unfilled(true),
        unfilled(false),
        batch::Error::NoShard,
        batch::Error::ShardCount {
            variable: "JOB_COMPLETION_INDEX",
        },
        batch::Error::Shard("`x` in SLURM_ARRAY_TASK_ID is not a whole number".to_owned()),
        batch::Error::NoObject {
            place: "line 2".to_owned(),
            reason: "expected value".to_owned(),
        },
        batch::Error::NoShard,
        batch::Error::ShardCount {
            variable: "JOB_COMPLETION_INDEX",
        },
        batch::Error::Shard("CI_NODE_INDEX is set, but CI_NODE_TOTAL is not".to_owned()),
    ]
    .into_iter()
    .map(Error::Batch)
    .collect()
}

fn of_merges() -> Vec<Error> {
    let merged = |shards: &[&str], records: &[(u64, &str)]| {
        let parse = |shard: &&str| shard.parse().expect("a shard");
        let mut merger = RecordMerger::new(false, shards.iter().map(parse).collect());
        for (index, kind) in records {
            let line = format!(r#"{{"index":{index},"input_hash":"{index:032x}","{kind}":{{}}}}"#);
            let record = RecordSummary::parse_line(line.as_bytes()).expect("a record");
            merger.push_record(*index, &record);
        }
        Error::Merge(merger.finish().flaws().expect("it is not complete"))
    };
    vec![
        merged(
            &["1/3", "3/3"],
            &[(2, "text"), (2, "text"), (1_400, "error")],
        ),
        merged(&["1/1"], &[(1, "text")]),
        merged(&["1/2", "2/2"], &[(0, "error")]),
        merged(&["1/1"], &[(0, "text"), (0, "text")]),
    ]
}

fn of_set_up() -> Vec<Error> {
    [
        BuildError::UnreadableCaFile {
            path: path(),
            source: ErrorKind::NotFound.into(),
        },
        BuildError::CaFile {
            path: path(),
            reason: "it contains no certificate".to_owned(),
        },
        BuildError::Proxy,
        BuildError::ProxyScheme("socks5".to_owned()),
    ]
    .map(Error::Build)
    .into()
}

/// Returns the errors of servers that send too much.
fn of_limits() -> impl Iterator<Item = Error> {
    let lists = [
        client::ModelListLimit::Page,
        client::ModelListLimit::Pages,
        client::ModelListLimit::Values,
    ];
    let answers = [
        AnswerLimit::Content,
        AnswerLimit::Blocks,
        AnswerLimit::Values,
        AnswerLimit::Event,
        AnswerLimit::Body,
        AnswerLimit::Stream,
        AnswerLimit::Depth,
    ];
    let of_list = |limit| call(client::Error::ModelListTooLong { limit });
    let of_answer = |limit| answer(StreamError::TooLarge(limit));
    lists
        .into_iter()
        .map(of_list)
        .chain(answers.into_iter().map(of_answer))
}

fn of_plain_http() -> Vec<Error> {
    let of = |host: &str| {
        call(client::Error::NoTls {
            host: host.to_owned(),
        })
    };
    ["api.example", "127.0.0.1:8080"].map(of).into()
}

fn of_calls() -> Vec<Error> {
    let host = || "api.example".to_owned();
    let reason = || "Connection refused".to_owned();
    let seconds = Duration::from_secs(30);
    let certificate = |flaw| {
        call(client::Error::Certificate {
            host: host(),
            reason: match flaw {
                CertificateFlaw::Time => "its certificate has expired",
                CertificateFlaw::Name => "its certificate is for other.example",
                CertificateFlaw::Cas => "it uses a CA certificate as its server certificate",
                CertificateFlaw::Version => "its certificate is not X.509 version 3",
                CertificateFlaw::Issuer => "its certificate was not issued by a trusted CA",
            }
            .to_owned(),
            flaw,
        })
    };
    let login = |is_refused| {
        call(client::Error::ProxyLogin {
            proxy: "proxy.example:8080".to_owned(),
            host: host(),
            is_refused,
        })
    };
    let mut errors: Vec<Error> = [400, 401, 402, 403, 404, 407, 413, 429, 500, 529]
        .map(status)
        .into();
    errors.extend([
        call(client::Error::NoModelList {
            excerpt: "<html>".to_owned(),
            is_json: false,
        }),
        call(client::Error::Connect {
            host: host(),
            reason: reason(),
            transient: true,
        }),
        call(client::Error::Proxy {
            proxy: "proxy.example:8080".to_owned(),
            reason: reason(),
        }),
        login(true),
        login(false),
        call(client::Error::Dns {
            host: host(),
            reason: "no such name".to_owned(),
        }),
        certificate(CertificateFlaw::Time),
        certificate(CertificateFlaw::Name),
        certificate(CertificateFlaw::Cas),
        certificate(CertificateFlaw::Version),
        certificate(CertificateFlaw::Issuer),
        call(client::Error::Lost {
            host: host(),
            reason: "connection reset".to_owned(),
        }),
        call(client::Error::HeldBack { wait: seconds }),
        call(client::Error::LedgerObstructed(LedgerObstruction {
            path: path(),
            refusal: FileRefusal::OtherKind("symbolic link"),
        })),
        call(client::Error::TimedOut(CallTimeout::Connect(seconds))),
        call(client::Error::TimedOut(CallTimeout::Idle(seconds))),
        call(client::Error::TimedOut(CallTimeout::Total(seconds))),
        call(client::Error::TimedOut(CallTimeout::Turn(seconds))),
        answer(StreamError::Api(ApiError {
            kind: Some("overloaded_error".to_owned()),
            message: "busy".to_owned(),
            request_id: None,
        })),
        answer(StreamError::Cut),
        answer(StreamError::Malformed {
            event: "message_start".to_owned(),
            source: serde_json::from_str::<bool>("{").expect_err("it is not JSON"),
        }),
        answer(StreamError::OutOfOrder(
            "a delta for a block that was not started",
        )),
        answer(StreamError::ToolInput {
            tool: "look".to_owned(),
        }),
        answer(StreamError::Compressed {
            encoding: "gzip".to_owned(),
        }),
        answer(StreamError::NotAMessage {
            excerpt: "an HTML page titled \"Login\"".to_owned(),
            is_page: true,
        }),
        answer(StreamError::NotAMessage {
            excerpt: "hello".to_owned(),
            is_page: false,
        }),
        answer(StreamError::Compressed {
            encoding: "br".to_owned(),
        }),
        answer(StreamError::Compressed {
            encoding: "br".to_owned(),
        }),
        answer(StreamError::Compressed {
            encoding: "br".to_owned(),
        }),
    ]);
    errors.extend(of_limits());
    let after_content = |left, source| Error::Call {
        source,
        after_content: true,
        left,
        attempts: 3,
        model: "claude-a".into(),
        left_out: None,
    };
    let lost = || client::Error::Lost {
        host: host(),
        reason: "connection reset".to_owned(),
    };
    errors.extend(
        [
            Left::Kept,
            Left::Stdout,
            Left::Part,
            Left::Stderr,
            Left::Nowhere,
        ]
        .map(|left| after_content(left, lost())),
    );
    for timeout in [CallTimeout::Idle(seconds), CallTimeout::Total(seconds)] {
        errors.push(after_content(Left::Kept, client::Error::TimedOut(timeout)));
    }
    errors
}

/// Returns the names of the variants of the enum `Error` that a source file declares.
fn variants(source: &str, declaration: &str) -> Vec<String> {
    let (_, body) = source.split_once(declaration).expect("the enum is there");
    let lines = body.lines().take_while(|line| *line != "}");
    let names = lines.filter_map(|line| line.strip_prefix("    "));
    names
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .map(|line| {
            let end = line.find(|letter: char| !letter.is_ascii_alphanumeric());
            line[..end.unwrap_or(line.len())].to_owned()
        })
        .collect()
}

#[test]
fn every_error_says_the_same_as_before() {
    let errors: Vec<Error> = [
        of_the_run(),
        of_the_end(),
        of_options(),
        of_the_size(),
        of_output(),
        of_config(),
        of_input(),
        of_sessions(),
        of_batches(),
        of_merges(),
        of_set_up(),
        of_calls(),
        of_plain_http(),
        of_records(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let debug: Vec<String> = errors.iter().map(|error| format!("{error:?}")).collect();
    let own = (include_str!("mod.rs"), "pub(crate) enum Error {");
    let inner = [
        (
            include_str!("option_advice.rs"),
            "pub(crate) enum OptionAdvice {",
        ),
        (include_str!("../config/mod.rs"), own.1),
        (include_str!("../input/mod.rs"), own.1),
        (include_str!("../session/mod.rs"), own.1),
        (include_str!("../batch/mod.rs"), own.1),
        (include_str!("../client/error.rs"), own.1),
        (
            include_str!("../client/error.rs"),
            "pub(crate) enum BuildError {",
        ),
        (
            include_str!("../client/error.rs"),
            "pub(crate) enum CallTimeout {",
        ),
        (
            include_str!("../recording/error.rs"),
            "pub(crate) enum RecordError {",
        ),
        (
            include_str!("../client/endpoint.rs"),
            "pub(crate) enum EndpointError {",
        ),
        (
            include_str!("../protocol/error.rs"),
            "pub(crate) enum StreamError {",
        ),
        (
            include_str!("../ui/stdout_writer.rs"),
            "pub(crate) enum OutputError {",
        ),
    ];
    for (source, declaration) in [own].into_iter().chain(inner) {
        for variant in variants(source, declaration) {
            let has = |text: &String| {
                text.split(|letter: char| !letter.is_ascii_alphanumeric())
                    .any(|word| word == variant)
            };
            assert!(
                UNMADE.contains(&&*variant) || debug.iter().any(has),
                "no sample of {variant}"
            );
        }
    }
    let text: Vec<String> = errors
        .iter()
        .map(|error| {
            let hint = error.hint().map(|hint| format!("hint: {hint}\n"));
            let (code, kind) = (error.kind().code(), error.kind().name());
            let hint = hint.unwrap_or_default();
            format!("error: {}\n{hint}[exit {code} {kind}]\n\n", error.message())
        })
        .collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/it/snapshots");
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("errors", text.concat()));
}
