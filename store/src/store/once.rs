//! What is made once, however often the request comes. The invariants are in `once.rs`.

use super::Store;
use crate::error::Result;
use crate::journal::Moment;
use crate::once::{self, Made, Once};
use crate::peers::{self, InviteRow, NewInvite};
use crate::publish::Author;
use crate::time::UnixMillis;
use crate::tokens::{self, NewToken, TokenRow};
use crate::webhooks::{self, Webhook, WebhookSettings};

impl Store {
    /// [`Self::create_token`], unless the same request made one already; one without a key did not.
    pub fn create_token_once(
        &self,
        new: &NewToken,
        once: Option<Once>,
        author: &Author,
        now: UnixMillis,
    ) -> Result<Made<(TokenRow, String)>> {
        let (new, author) = (new.clone(), author.clone());
        self.write(move |tx| {
            once::make(tx, once.as_ref(), (&author, now), || {
                let made = tokens::create(tx, Moment::live(now), &new, &author)?;
                Ok((made.0.id.to_string(), made))
            })
        })
    }

    /// [`Self::create_webhook`], unless the same request made one already; one without a key did not.
    pub fn create_webhook_once(
        &self,
        settings: &WebhookSettings,
        once: Option<Once>,
        author: &Author,
        now: UnixMillis,
    ) -> Result<Made<Webhook>> {
        let (settings, author) = (settings.clone(), author.clone());
        self.write(move |tx| {
            once::make(tx, once.as_ref(), (&author, now), || {
                let made = webhooks::create(tx, Moment::live(now), &settings, &author)?;
                Ok((made.row.id.to_string(), made))
            })
        })
    }

    /// [`Self::create_invite`], unless the same request made one already; one without a key did not.
    pub fn create_invite_once(
        &self,
        new: &NewInvite,
        once: Option<Once>,
        author: &Author,
        now: UnixMillis,
    ) -> Result<Made<InviteRow>> {
        let (new, author) = (new.clone(), author.clone());
        self.write(move |tx| {
            once::make(tx, once.as_ref(), (&author, now), || {
                let made = peers::invite(tx, Moment::live(now), &new, &author)?;
                Ok((data_encoding::HEXLOWER.encode(&made.id), made))
            })
        })
    }
}
