//! A server that is spoken to: from the first message to the last.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::board::{Answer, MessageBoard, ProgressSender};
use super::call_result::{CallResult, read_result};
use super::message::{RpcError, notification_text, request_text};
use super::revision::{
    Revision, check_discovery, initialize_params, may_be_stateless, revision_of,
};
use super::stdio_link::StdioLink;
use super::tool_page::{ListedTool, MAX_PAGES, read_page};
use super::web_link::{WebLink, WebMessage};
use crate::guard::ChildCommand;

/// How long the news of a cancelled call may take to be sent.
const CANCEL_TIMEOUT: Duration = Duration::from_millis(200);

/// How many progress notifications may wait to be shown.
const PROGRESS_QUEUE: usize = 8;

/// A server that has answered.
#[derive(Debug)]
pub(crate) struct McpConnection {
    link: Link,
    revision: Revision,
}

/// What a server is reached by.
#[derive(Debug)]
enum Link {
    Stdio(StdioLink),
    Web(Box<WebLink>),
}

/// What to connect to, with everything that was looked up for it.
pub(crate) enum ServerAddress {
    /// A program to start.
    Process(ChildCommand),
    /// An address, with the client and the headers to reach it.
    Web(Box<(Client, Url, HeaderMap)>),
}

/// Why a server did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StartFailure {
    /// The reason.
    pub(crate) reason: String,
    /// The last lines of its standard error.
    pub(crate) last_lines: Vec<String>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallEnd {
    /// With a result, which may be that it failed.
    Result(CallResult),
    /// The server refused it, or ended; the reason.
    Failed(String),
    /// Nothing came for this long.
    TimedOut(Duration),
    /// It was cancelled.
    Cancelled,
}

impl ServerAddress {
    /// Creates the address of a web server. The error names the header that cannot be sent, and
    /// not its value, which may be a token.
    pub(crate) fn for_web(
        client: Client,
        url: Url,
        headers: &[(String, String)],
    ) -> Result<Self, String> {
        let header = |(name, value): &(String, String)| {
            let wrong = || format!("`{name}` cannot be sent as a header");
            let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
            value.set_sensitive(true);
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            Ok((name, value))
        };
        let headers: HeaderMap = headers.iter().map(header).collect::<Result<_, String>>()?;
        Ok(Self::Web(Box::new((client, url, headers))))
    }
}

impl McpConnection {
    /// Starts a server or connects to it, agrees on a revision and asks for its tools.
    pub(crate) async fn open(
        address: ServerAddress,
        limit: Duration,
    ) -> Result<(Self, Vec<ListedTool>), StartFailure> {
        let failed = |reason: String, last_lines| StartFailure { reason, last_lines };
        let link = match address {
            ServerAddress::Process(command) => {
                let started = StdioLink::start(&command).await;
                Link::Stdio(started.map_err(|error| failed(error.to_string(), Vec::new()))?)
            }
            ServerAddress::Web(parts) => {
                let (client, url, headers) = *parts;
                Link::Web(Box::new(WebLink::new(client, url, headers)))
            }
        };
        let ready = timeout(limit, link.greet()).await;
        let ready = ready.unwrap_or_else(|_| {
            let seconds = crate::text::format_seconds(limit);
            Err(format!("it was not ready after {seconds}"))
        });
        match ready {
            Ok((revision, tools)) => Ok((Self { link, revision }, tools)),
            Err(reason) => {
                let last_lines = link.board().last_lines();
                link.end().await;
                Err(failed(reason, last_lines))
            }
        }
    }

    /// Returns the revision that it speaks, by its date.
    pub(crate) fn revision_name(&self) -> &str {
        self.revision.name()
    }

    /// Asks for its tools again; the error says why there is no list.
    pub(crate) async fn list_tools(&self, limit: Duration) -> Result<Vec<ListedTool>, String> {
        let listed = timeout(limit, self.link.list_tools(&self.revision)).await;
        listed.unwrap_or_else(|_| {
            let seconds = crate::text::format_seconds(limit);
            Err(format!("it did not list its tools within {seconds}"))
        })
    }

    /// Calls a tool. `input` is a JSON object. The call is given up when `cancelled` ends, and when
    /// neither its result nor news of it came for as long as `limit`.
    pub(crate) async fn call(
        &self,
        tool: &str,
        input: &str,
        limit: Duration,
        progress: &(dyn Fn(&str) + Send + Sync),
        cancelled: impl Future<Output = ()>,
    ) -> CallEnd {
        let id = self.link.board().next_id();
        let fields = format!(r#""name":{},"arguments":{input}"#, Value::from(tool));
        let params = self.revision.params(&fields, Some(id));
        let request = WebMessage {
            id: Some(id),
            method: "tools/call",
            tool: Some(tool.to_owned()),
            text: request_text(id, "tools/call", &params),
        };
        let (news, mut is_alive) = mpsc::channel::<String>(PROGRESS_QUEUE);
        let answer = self.link.request(request, Some(news));
        tokio::pin!(answer, cancelled);
        let mut deadline = Instant::now() + limit;
        let end = loop {
            tokio::select! {
                biased;
                answer = &mut answer => return match answer {
                    Ok(Ok(result)) => match read_result(&result) {
                        Ok(result) => CallEnd::Result(result),
                        Err(reason) => CallEnd::Failed(reason),
                    },
                    Ok(Err(RpcError { message, .. })) => CallEnd::Failed(message),
                    Err(reason) => CallEnd::Failed(reason),
                },
                Some(words) = is_alive.recv() => {
                    deadline = Instant::now() + limit;
                    progress(&words);
                }
                () = &mut cancelled => break CallEnd::Cancelled,
                () = sleep_until(deadline) => break CallEnd::TimedOut(limit),
            }
        };
        self.link.cancel(id, &self.revision).await;
        end
    }

    /// Returns whether the list of tools has changed since this was last asked.
    pub(crate) fn take_list_change(&self) -> bool {
        self.link.board().take_list_change()
    }

    /// Returns the first line that was not a message, once.
    pub(crate) fn take_first_noise(&self) -> Option<String> {
        self.link.board().take_first_noise()
    }

    /// Returns what it printed to standard error since this was last asked; of much, the end.
    pub(crate) fn drain_printed_lines(&self) -> String {
        self.link.board().drain_printed_lines()
    }

    /// Ends the server, or the session with it.
    pub(crate) async fn close(self) {
        self.link.close().await;
    }
}

impl Link {
    fn board(&self) -> &MessageBoard {
        match self {
            Self::Stdio(link) => link.board(),
            Self::Web(link) => link.board(),
        }
    }

    /// Agrees on a revision, and asks for the tools.
    async fn greet(&self) -> Result<(Revision, Vec<ListedTool>), String> {
        let revision = match self.ask("initialize", &initialize_params()).await? {
            Ok(result) => {
                let revision = revision_of(&result)?;
                self.set_revision(&revision);
                self.notify("notifications/initialized", "").await;
                revision
            }
            Err(error) if may_be_stateless(&error) => {
                let revision = Revision::Stateless;
                self.set_revision(&revision);
                let params = revision.params("", None);
                let found = self.ask("server/discover", &params).await?;
                // It said that it does not know the other way to begin.
                let found = found.map_err(|_| error.message)?;
                check_discovery(&found)?;
                revision
            }
            Err(error) => return Err(error.message),
        };
        let tools = self.list_tools(&revision).await?;
        Ok((revision, tools))
    }

    async fn list_tools(&self, revision: &Revision) -> Result<Vec<ListedTool>, String> {
        // What changes from here on makes another list.
        self.board().take_list_change();
        let mut tools = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let fields = cursor
                .as_ref()
                .map(|cursor| format!(r#""cursor":{}"#, Value::from(cursor.as_str())));
            let params = revision.params(fields.as_deref().unwrap_or_default(), None);
            let result = self.ask("tools/list", &params).await?;
            let page = read_page(&result.map_err(|error| error.message)?)?;
            tools.extend(page.tools);
            match page.next_cursor {
                Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                _ => return Ok(tools),
            }
        }
        Err(format!("its list of tools has more than {MAX_PAGES} pages"))
    }

    fn set_revision(&self, revision: &Revision) {
        if let Self::Web(link) = self {
            link.set_revision(revision.name(), *revision == Revision::Stateless);
        }
    }

    async fn ask(&self, method: &'static str, params: &str) -> Answer {
        let id = self.board().next_id();
        let request = WebMessage {
            id: Some(id),
            method,
            tool: None,
            text: request_text(id, method, params),
        };
        self.request(request, None).await
    }

    async fn request(&self, request: WebMessage, progress: Option<ProgressSender>) -> Answer {
        match (self, request.id) {
            (Self::Stdio(link), Some(id)) => {
                let answer = link.board().expect(id, progress);
                link.send(request.text).await;
                let answer = answer.await;
                answer.unwrap_or_else(|_| Err("the request was given up".to_owned()))
            }
            (Self::Stdio(link), None) => {
                link.send(request.text).await;
                Ok(Ok(Value::Null))
            }
            (Self::Web(link), _) => link.exchange(request, progress).await,
        }
    }

    async fn notify(&self, method: &'static str, params: &str) {
        let message = WebMessage {
            id: None,
            method,
            tool: None,
            text: notification_text(method, params),
        };
        // A server that refuses it shows that by its next answer.
        let _ = self.request(message, None).await;
    }

    /// Records that nobody waits for an answer any more.
    async fn cancel(&self, id: u64, revision: &Revision) {
        self.board().forget(id);
        let method = "notifications/cancelled";
        let fields = format!(
            r#""requestId":{id},"reason":{}"#,
            json!("the user or a timeout")
        );
        let params = revision.params(&fields, None);
        match self {
            Self::Stdio(link) => link.try_send(notification_text(method, &params)),
            Self::Web(_) => {
                let _ = timeout(CANCEL_TIMEOUT, self.notify(method, &params)).await;
            }
        }
    }

    /// Ends a server that did not start in the background: nobody has to wait for it.
    async fn end(self) {
        match self {
            Self::Stdio(link) => drop(link),
            Self::Web(link) => {
                let _ = timeout(CANCEL_TIMEOUT, link.close()).await;
            }
        }
    }

    async fn close(self) {
        match self {
            Self::Stdio(link) => link.close().await,
            Self::Web(link) => {
                let _ = timeout(CANCEL_TIMEOUT * 5, link.close()).await;
            }
        }
    }
}
