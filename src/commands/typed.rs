//! What several commands take and ask for alike.

use clap::ValueEnum;
use ods_api::{ClientError, Page, PageQuery, ScopeName};

use crate::cli::{Connected, Connection, Failure};

/// The arguments of a command that needs to know only which node.
#[derive(Debug, clap::Args)]
pub(super) struct Plain {
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// [`ScopeName`] as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ScopeArgument {
    Read,
    Publish,
    Admin,
}

impl From<ScopeArgument> for ScopeName {
    fn from(scope: ScopeArgument) -> Self {
        match scope {
            ScopeArgument::Read => Self::Read,
            ScopeArgument::Publish => Self::Publish,
            ScopeArgument::Admin => Self::Admin,
        }
    }
}

/// A whole list, page by page. Only for lists that the node caps.
pub(super) async fn whole<T>(
    node: &Connected,
    ask: impl AsyncFn(&PageQuery) -> Result<Page<T>, ClientError>,
) -> Result<Page<T>, Failure> {
    let mut items = Vec::new();
    let mut query = PageQuery { limit: Some(1000), after: None };
    loop {
        let page = ask(&query).await.map_err(|error| node.explain(error))?;
        items.extend(page.items);
        if page.next.is_none() {
            return Ok(Page::whole(items));
        }
        query.after = page.next;
    }
}
