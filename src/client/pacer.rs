//! The way of one call through the shared book: a slot before each try, and in the end what it
//! took.
//!
//! Nothing here fails: where the book cannot be used, the call goes out unpaced and says so once.
//! Where there is no limit and no 429 has been, the disk is not touched.

use std::path::PathBuf;
use std::time::Duration;

use super::Client;
use super::auth::{ApiKey, fingerprint};
use super::booking::Booking;
use super::endpoint::Endpoint;
use crate::pace::{Asked, Base, Book, Ending, Limits, Look, Page, Received, Trouble, Why, now};

/// What is assumed of Langdock's limits. Source: its documentation; a workspace may have others.
const LANGDOCK: Limits = Limits {
    requests: Some(500),
    tokens: Some(60_000),
};

/// How often a book that another process has is tried again, and how long is waited in between: two
/// seconds in all.
const TRIES: u32 = 1000;
const BETWEEN_TRIES: Duration = Duration::from_millis(2);

/// How often one who waits looks again: others may have taken less than they booked.
const LOOK_SOONEST: Duration = Duration::from_millis(50);
const LOOK_LATEST: Duration = Duration::from_millis(250);

/// The longest that a 429 holds others back: nobody shall have to find and take away a book.
const LONGEST_HOLD: Duration = Duration::from_secs(60 * 60);

/// What is paced, and where the books are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    /// The folder of the books, where there is one.
    pub(crate) folder: Option<PathBuf>,
    /// What joins several keys.
    pub(crate) workspace: Option<String>,
    /// Limits that were set, by model.
    pub(crate) limits: Vec<(String, Limits)>,
}

impl Pace {
    /// The limits that the endpoint has named for a model, as its book has them. Nothing where it
    /// has said nothing, and where the book cannot be read.
    pub(crate) async fn told(&self, endpoint: &Endpoint, key: &ApiKey, model: &str) -> Limits {
        let Some(book) = self.book(endpoint, key, model) else {
            return Limits::default();
        };
        let opened = open(&book, false).await;
        opened
            .ok()
            .flatten()
            .map(|page| page.ledger.told(page.now))
            .unwrap_or_default()
    }

    /// The book of a model: the same for all that share its limits. Its name is no way back to the
    /// key.
    fn book(&self, endpoint: &Endpoint, key: &ApiKey, model: &str) -> Option<Book> {
        let name = || {
            let url = endpoint.messages_url();
            match &self.workspace {
                Some(workspace) => fingerprint(&[url.as_str(), "workspace", workspace, model]),
                None => key.fingerprint(&format!("{url}\0{model}")),
            }
        };
        self.folder.as_ref().map(|folder| Book::new(folder, name))
    }
}

/// One call's way through the book.
#[derive(Debug)]
pub(super) struct Pacer {
    /// None: unpaced.
    way: Option<Way>,
    /// What is to be told.
    notice: Option<String>,
    /// Time spent waiting for a slot.
    waited: Duration,
    /// Until when waiting for the end of a 429 has been counted, in the book's time.
    counted_until: u64,
}

#[derive(Debug)]
struct Way {
    /// Where the book is, or would be.
    book: Option<Book>,
    base: Base,
    asked: Asked,
    ticket: Option<u64>,
    slot: Option<u64>,
    head_at: Option<u64>,
}

/// What comes of looking whether it is one's turn.
#[derive(Debug)]
pub(super) enum Turn {
    /// It is.
    Come,
    /// It is not yet.
    Wait(Waiting),
}

/// A wait for a turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    /// How long it is likely to be.
    pub(super) expected: Duration,
    /// When to look again.
    pub(super) look_again: Duration,
    /// Why.
    pub(super) why: Why,
    /// How much of it counts as the wait after a 429 does, and has not yet been counted.
    pub(super) uncounted: Duration,
}

impl Pacer {
    /// The way of a call of this client; without a booking it is not paced.
    pub(super) fn new(client: &Client, booking: Option<Booking>) -> Self {
        let mut pacer = Self {
            way: None,
            notice: None,
            waited: Duration::ZERO,
            counted_until: 0,
        };
        let (Some(pace), Some(booking)) = (&client.options.pace, booking) else {
            return pacer;
        };
        let set = pace
            .limits
            .iter()
            .find(|(model, _)| *model == booking.model);
        let configured = set.map(|(_, limits)| *limits).unwrap_or_default();
        let assumed = if client.endpoint.is_langdocks() {
            LANGDOCK
        } else {
            Limits::default()
        };
        let book = pace.book(&client.endpoint, &client.key, &booking.model);
        let base = Base {
            configured,
            assumed,
        };
        pacer.way = Some(Way {
            book,
            base,
            asked: booking.asked,
            ticket: None,
            slot: None,
            head_at: None,
        });
        pacer
    }

    /// Looks whether it is this call's turn, and takes a place in the queue if it is not.
    pub(super) async fn look(&mut self) -> Turn {
        let (Some(mut page), Some(way)) = (self.page(self.has_limits()).await, &mut self.way)
        else {
            return Turn::Come;
        };
        way.head_at = None;
        let now = page.now;
        let look = page.ledger.look(now, way.ticket, &way.asked, &way.base);
        let turn = match look {
            Look::Go(slot) => {
                (way.ticket, way.slot) = (None, slot);
                Turn::Come
            }
            Look::Wait { ticket, start, why } => {
                way.ticket = ticket;
                let expected = Duration::from_micros(start.saturating_sub(now).max(1));
                let look_again = (expected / 4)
                    .clamp(LOOK_SOONEST, LOOK_LATEST)
                    .min(expected);
                let mut uncounted = Duration::ZERO;
                if let Why::HeldBack(until) = why {
                    uncounted =
                        Duration::from_micros(until.saturating_sub(self.counted_until.max(now)));
                    self.counted_until = self.counted_until.max(until);
                }
                Turn::Wait(Waiting {
                    expected,
                    look_again,
                    why,
                    uncounted,
                })
            }
        };
        self.save(page);
        turn
    }

    /// Notes that the head of an answer has come, and what it says of the limits.
    pub(super) async fn head(&mut self, received: Option<Received>) {
        if let Some(way) = &mut self.way {
            way.head_at = way.slot.map(|_| now());
        }
        let Some(received) = received else { return };
        let (Some(mut page), Some(way)) = (self.page(true).await, &self.way) else {
            return;
        };
        page.ledger
            .observe(page.now, way.slot, &way.asked, &received);
        self.save(page);
    }

    /// Notes how a try ended; how much it took is then known.
    pub(super) async fn settle(&mut self, ending: Ending) {
        let Some(slot) = self.take_slot() else { return };
        let (Some(mut page), Some(way)) = (self.page(false).await, &self.way) else {
            return;
        };
        page.ledger.settle(slot, &way.asked, way.head_at, ending);
        self.save(page);
    }

    /// Notes that a try failed before anything was sent.
    pub(super) async fn take_back(&mut self) {
        let Some(slot) = self.take_slot() else { return };
        let (Some(mut page), Some(way)) = (self.page(false).await, &self.way) else {
            return;
        };
        page.ledger.take_back(page.now, slot, &way.base);
        self.save(page);
    }

    /// Notes that a 429 wants nothing to be sent for so long.
    pub(super) async fn hold(&mut self, wait: Duration) {
        let (Some(mut page), Some(way)) = (self.page(true).await, &self.way) else {
            return;
        };
        let wait = u64::try_from(wait.min(LONGEST_HOLD).as_micros()).unwrap_or(0);
        let until = page.now + wait;
        page.ledger.hold(page.now, until, &way.base);
        // This call's own wait counts by itself.
        self.counted_until = until;
        self.save(page);
    }

    /// Counts time that was spent waiting for a slot.
    pub(super) fn count(&mut self, waited: Duration) {
        self.waited += waited;
    }

    /// Time spent waiting for a slot.
    pub(super) fn waited(&self) -> Duration {
        self.waited
    }

    /// What a person should know, once.
    pub(super) fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    fn has_limits(&self) -> bool {
        self.way
            .as_ref()
            .is_some_and(|way| way.base.configured.is_any() || way.base.assumed.is_any())
    }

    fn take_slot(&mut self) -> Option<u64> {
        self.way.as_mut()?.slot.take()
    }

    /// Opens the book; none where there is none, or where this call is not paced.
    async fn page(&mut self, make: bool) -> Option<Page> {
        let way = self.way.as_ref()?;
        let opened = match &way.book {
            Some(book) => open(book, make).await,
            None if make => Err("this machine has no folder for it".to_owned()),
            None => return None,
        };
        match opened {
            Ok(page) => {
                let mut page = page?;
                self.notice = self.notice.take().or(page.notice.take());
                Some(page)
            }
            Err(reason) => {
                self.give_up(&reason);
                None
            }
        }
    }

    fn save(&mut self, page: Page) {
        if let Err(error) = page.save() {
            self.give_up(&error.to_string());
        }
    }

    /// Goes on unpaced.
    fn give_up(&mut self, reason: &str) {
        self.way = None;
        self.notice = Some(format!(
            "the book of rate limits cannot be used, so requests are not paced: {reason}"
        ));
    }
}

impl Drop for Pacer {
    /// Gives back a place in the queue; who cannot do so even now leaves it to lapse.
    fn drop(&mut self) {
        let Some(way) = &self.way else { return };
        let (Some(ticket), Some(book)) = (way.ticket, &way.book) else {
            return;
        };
        if let Ok(Some(mut page)) = book.open(false) {
            page.ledger.leave(ticket);
            let _ = page.save(); // There is nobody left to tell.
        }
    }
}

/// Opens a book, trying again while another process has it.
async fn open(book: &Book, make: bool) -> Result<Option<Page>, String> {
    for _ in 0..TRIES {
        match book.open(make) {
            Err(Trouble::Busy) => tokio::time::sleep(BETWEEN_TRIES).await,
            opened => return opened.map_err(|trouble| trouble.to_string()),
        }
    }
    Err(Trouble::Busy.to_string())
}
