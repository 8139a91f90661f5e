//! Redis or Valkey as the server of shared ledgers: one connection for all calls of a process, and
//! one script.
//!
//! The library gets a stream that is connected and encrypted here, so that its TLS is this
//! program's: the same certificates are trusted as for requests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::gethostname;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisError, RedisResult, Value, from_redis_value};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::auth::fingerprint;
use super::dns_resolver::look_up;
use super::ledger_url::{LedgerPassword, LedgerUrl};
use super::tls;
use crate::pace::{
    LedgerReplacement, LedgerServer, REPLACEMENT_LIFETIME, SERVER_PATIENCE, ServerFailure,
    ServerFuture, ServerReply,
};
use crate::text::without_os_codes;

/// How long a ledger is kept that nobody changes, in milliseconds: as long as a limit is valid that
/// the endpoint has reported.
const LIFETIME_MS: u64 = 24 * 60 * 60 * 1000;

/// Reads a key, up to the length of the longest ledger; with new bytes in `ARGV[3]`, replaces it if
/// it still begins with `ARGV[1]`, and if no more than `ARGV[4]` microseconds have passed since
/// `ARGV[2]`. Returns the time, and what the key has, unless it was replaced.
const SCRIPT: &str = "\
local time = redis.call('TIME')
local bytes = redis.call('GETRANGE', KEYS[1], 0, 16777215)
if #ARGV == 0 then return {time[1], time[2], bytes} end
local late = time[1] * 1000000 + time[2] - ARGV[2] > tonumber(ARGV[4])
if late or string.sub(bytes, 1, math.max(#ARGV[1], 1)) ~= ARGV[1] then
  return {time[1], time[2], bytes}
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[5])
return {time[1], time[2], false}";

/// How to reach a shared ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerAccess {
    /// Where it is.
    pub(crate) url: LedgerUrl,
    /// The password that a command has printed, or why it has not; none without a command.
    pub(crate) password: Option<Result<LedgerPassword, String>>,
    /// A PEM file that replaces the bundled and the system's roots.
    pub(crate) cacert: Option<PathBuf>,
}

/// A server that speaks the protocol of Redis.
#[derive(Debug)]
pub(super) struct RedisServer {
    access: LedgerAccess,
    address: String,
    /// Connected when it is needed.
    connection: Mutex<Option<MultiplexedConnection>>,
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerServerInfo {
    /// Its name and version.
    pub(crate) version: String,
    /// How long an answer takes.
    pub(crate) round_trip: Duration,
    /// What it does when its memory is full; none where it does not say.
    pub(crate) memory_policy: Option<String>,
    /// Whether its memory is limited.
    pub(crate) has_memory_limit: bool,
}

impl RedisServer {
    /// Creates it; nothing is connected yet.
    pub(super) fn new(access: LedgerAccess) -> Self {
        Self {
            address: access.url.address(),
            access,
            connection: Mutex::new(None),
        }
    }

    /// Asks the server for what it says of itself.
    pub(super) async fn info(&self) -> Result<LedgerServerInfo, ServerFailure> {
        let mut ping = redis::cmd("PING");
        self.query(&ping).await?;
        let asked_at = Instant::now();
        self.query(&ping).await?;
        let round_trip = asked_at.elapsed();
        ping = redis::cmd("INFO");
        let text: String = from_redis_value(self.query(&ping).await?)
            .map_err(|error| self.failure(&RedisError::from(error)))?;
        Ok(info_from(&text, round_trip))
    }

    /// Sends a command, over a new connection if the one before has been closed meanwhile.
    async fn query(&self, command: &redis::Cmd) -> Result<Value, ServerFailure> {
        for is_last in [false, true] {
            let mut connection = self.connected().await?;
            let answer = timeout(SERVER_PATIENCE, connection.send_packed_command(command)).await;
            let error = match answer {
                Ok(Ok(value)) => {
                    let value = value.extract_error();
                    return value.map_err(|error| self.failure(&error));
                }
                Ok(Err(error)) => error,
                Err(_) => {
                    self.connection.lock().await.take();
                    return Err(silent());
                }
            };
            let is_closed = error.is_connection_dropped();
            if is_closed {
                self.connection.lock().await.take();
            }
            if is_last || !is_closed {
                return Err(self.failure(&error));
            }
        }
        Err(silent())
    }

    async fn connected(&self) -> Result<MultiplexedConnection, ServerFailure> {
        // The patience begins before the turn of this call: many would wait one after the other.
        let connected = async {
            let mut connection = self.connection.lock().await;
            if let Some(connection) = connection.as_ref() {
                return Ok(connection.clone());
            }
            Ok(connection.insert(Box::pin(self.connect()).await?).clone())
        };
        timeout(SERVER_PATIENCE, connected)
            .await
            .map_err(|_| silent())?
    }

    async fn connect(&self) -> Result<MultiplexedConnection, ServerFailure> {
        let failed = |error: &dyn std::fmt::Display| ServerFailure {
            reason: without_os_codes(&error.to_string()).into_owned(),
        };
        let url = &self.access.url;
        let found = look_up(url.host().to_owned(), url.port()).await;
        let addresses: Vec<_> = found.map_err(|error| failed(&error))?.collect();
        let stream = TcpStream::connect(addresses.as_slice()).await;
        let stream = stream.map_err(|error| failed(&error))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        if !url.is_encrypted() {
            return self.log_in(stream).await;
        }
        let config = match &self.access.cacert {
            Some(file) => tls::with_roots_of(file).map_err(|error| failed(&error))?,
            None => tls::with_bundled_and_system_roots(),
        };
        let name = ServerName::try_from(url.host().to_owned()).map_err(|error| failed(&error))?;
        let encrypted = TlsConnector::from(Arc::new(config)).connect(name, stream);
        self.log_in(encrypted.await.map_err(|error| failed(&error))?)
            .await
    }

    async fn log_in(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<MultiplexedConnection, ServerFailure> {
        let mut login = self.access.url.login().unwrap_or_default();
        match &self.access.password {
            Some(Ok(password)) => login = login.set_password(password.reveal()),
            Some(Err(reason)) => {
                return Err(ServerFailure {
                    reason: reason.clone(),
                });
            }
            None => {}
        }
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let connected = MultiplexedConnection::new_with_config(&login, stream, config).await;
        let (connection, driver) = connected.map_err(|error| self.failure(&error))?;
        tokio::spawn(driver);
        Ok(connection)
    }

    /// Describes an error of the library, with the password blanked out should the server repeat
    /// it.
    fn failure(&self, error: &RedisError) -> ServerFailure {
        let reason = match (error.code(), error.detail()) {
            _ if error.kind() == ErrorKind::AuthenticationFailed => {
                "the server rejected the user name or the password".to_owned()
            }
            (Some(code), Some(detail)) => format!("the server answered: {code} {detail}"),
            _ => without_os_codes(&error.to_string()).into_owned(),
        };
        let from_command = self.access.password.as_ref();
        let from_command = from_command.and_then(|password| password.as_ref().ok());
        let in_url = self.access.url.login();
        let in_url = in_url.as_ref().and_then(|login| login.password());
        let secrets = from_command
            .map(LedgerPassword::reveal)
            .into_iter()
            .chain(in_url);
        let masked = secrets
            .filter(|secret| !secret.is_empty())
            .fold(reason, |reason, secret| reason.replace(secret, "…"));
        ServerFailure { reason: masked }
    }
}

impl LedgerServer for RedisServer {
    fn exchange<'a>(
        &'a self,
        key: &'a str,
        replacement: Option<LedgerReplacement>,
    ) -> ServerFuture<'a> {
        Box::pin(async move {
            let mut command = redis::cmd("EVAL");
            command.arg(SCRIPT).arg(1).arg(key);
            if let Some(new) = &replacement {
                command.arg(&new.fence).arg(new.read_at).arg(&new.bytes);
                command.arg(REPLACEMENT_LIFETIME).arg(LIFETIME_MS);
            }
            let value = self.query(&command).await?;
            reply_from(value).map_err(|error| self.failure(&error))
        })
    }

    fn address(&self) -> &str {
        &self.address
    }
}

fn reply_from(value: Value) -> RedisResult<ServerReply> {
    let (seconds, micros, bytes): (u64, u64, Option<Vec<u8>>) = from_redis_value(value)?;
    let now = seconds.saturating_mul(1_000_000).saturating_add(micros);
    Ok(ServerReply { now, bytes })
}

fn silent() -> ServerFailure {
    ServerFailure {
        reason: format!("no answer within {} s", SERVER_PATIENCE.as_secs()),
    }
}

/// Reads the text of `INFO`.
fn info_from(text: &str, round_trip: Duration) -> LedgerServerInfo {
    let field = |name: &str| {
        let value = |line: &str| {
            Some(
                line.strip_prefix(name)?
                    .strip_prefix(':')?
                    .trim()
                    .to_owned(),
            )
        };
        text.lines().find_map(value)
    };
    let version = match (field("valkey_version"), field("redis_version")) {
        (Some(version), _) => format!("Valkey {version}"),
        (None, Some(version)) => format!("Redis {version}"),
        (None, None) => "a server of unknown version".to_owned(),
    };
    LedgerServerInfo {
        version,
        round_trip,
        memory_policy: field("maxmemory_policy"),
        has_memory_limit: field("maxmemory").is_some_and(|limit| limit != "0"),
    }
}

/// Returns a number for this machine, made of its name and of where its own ledgers are: not those
/// themselves, which say more than others need to know. It is never 0.
pub(super) fn machine_number(directory: Option<&Path>) -> u64 {
    let name = gethostname().unwrap_or_default();
    let directory = directory.unwrap_or(Path::new("")).to_string_lossy();
    let hash = fingerprint(&["langdock machine", &name.to_string_lossy(), &directory]);
    u64::from_str_radix(&hash[..12], 16).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_and_the_memory_policy_are_read_from_info() {
        let round_trip = Duration::from_millis(3);
        let redis = "# Server\r\nredis_version:7.0.15\r\n# Memory\r\nmaxmemory:0\r\n\
                     maxmemory_policy:noteviction\r\n";
        assert_eq!(
            info_from(redis, round_trip),
            LedgerServerInfo {
                version: "Redis 7.0.15".to_owned(),
                round_trip,
                memory_policy: Some("noteviction".to_owned()),
                has_memory_limit: false,
            }
        );
        let valkey = "redis_version:7.2.4\r\nvalkey_version:8.1.1\r\nmaxmemory:1000\r\n";
        let info = info_from(valkey, round_trip);
        assert_eq!(info.version, "Valkey 8.1.1");
        assert!(info.has_memory_limit && info.memory_policy.is_none());
    }

    #[test]
    fn a_reply_has_the_time_and_the_bytes_unless_they_were_replaced() {
        let text = |text: &str| Value::BulkString(text.into());
        let kept = Value::Array(vec![text("2"), text("5"), text("abc")]);
        assert_eq!(
            reply_from(kept).ok(),
            Some(ServerReply {
                now: 2_000_005,
                bytes: Some(b"abc".to_vec()),
            })
        );
        let replaced = Value::Array(vec![text("2"), text("5"), Value::Nil]);
        assert_eq!(
            reply_from(replaced).ok().map(|reply| reply.bytes),
            Some(None)
        );
        assert!(reply_from(Value::Okay).is_err());
    }

    #[test]
    fn a_machine_has_one_number_for_each_place_of_ledgers() {
        let number = |directory| machine_number(Some(Path::new(directory)));
        assert_eq!(number("/one"), number("/one"));
        assert_ne!(number("/one"), number("/two"));
        assert!(machine_number(None) > 0);
    }
}
