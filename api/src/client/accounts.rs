//! Users, sessions, the set-up link.

use reqwest::Method;
use reqwest::header::{IF_MATCH, SET_COOKIE};

use super::calls::one;
use super::{Client, ClientError};
use crate::types::{
    IdentityView, Page, PageQuery, PasswordRequest, SessionView, SetUpLinkView, SignInRequest, UserPatchRequest,
    UserRequest, UserView,
};

impl Client {
    /// `GET /session`: who this client is.
    pub async fn identity(&self) -> Result<IdentityView, ClientError> {
        self.json(self.request(Method::GET, SESSION)).await
    }

    /// `POST /session`: signs in. Gives the session's secret too, which may be used as a token is.
    pub async fn sign_in(&self, request: &SignInRequest) -> Result<(IdentityView, String), ClientError> {
        let response = self.send(self.request(Method::POST, SESSION).json(request)).await?;
        let cookies = response.headers().get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
        let value = |cookie: &str| Some(cookie.split_once('=')?.1.split(';').next()?.to_owned());
        let secret = cookies.filter(|cookie| cookie.contains("ods_session_")).find_map(value).unwrap_or_default();
        Ok((self.read_json(response).await?, secret))
    }

    /// `DELETE /session`: signs out.
    pub async fn sign_out(&self) -> Result<(), ClientError> {
        self.nothing(self.request(Method::DELETE, SESSION)).await
    }

    /// `POST /session/password`: another password for the user who is signed in.
    pub async fn change_password(&self, request: &PasswordRequest) -> Result<(), ClientError> {
        self.nothing(self.request(Method::POST, "/api/v1/session/password").json(request)).await
    }

    /// `GET /sessions`: one page.
    pub async fn sessions(&self, page: &PageQuery) -> Result<Page<SessionView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/sessions").query(page)).await
    }

    /// `DELETE /sessions/{id}`.
    pub async fn end_session(&self, id: &str) -> Result<(), ClientError> {
        self.nothing(self.request(Method::DELETE, &one("sessions", id))).await
    }

    /// `GET /users`: one page.
    pub async fn users(&self, page: &PageQuery) -> Result<Page<UserView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/users").query(page)).await
    }

    /// `POST /users`.
    pub async fn create_user(&self, request: &UserRequest) -> Result<UserView, ClientError> {
        self.json(self.request(Method::POST, "/api/v1/users").json(request)).await
    }

    /// `GET /users/{id}`.
    pub async fn user(&self, id: &str) -> Result<UserView, ClientError> {
        self.json(self.request(Method::GET, &one("users", id))).await
    }

    /// `PATCH /users/{id}`, if it is at this version.
    pub async fn edit_user(&self, id: &str, version: u64, patch: &UserPatchRequest) -> Result<UserView, ClientError> {
        let request = self.request(Method::PATCH, &one("users", id)).json(patch);
        self.json(request.header(IF_MATCH, format!("\"{version}\""))).await
    }

    /// `DELETE /users/{id}`.
    pub async fn remove_user(&self, id: &str) -> Result<(), ClientError> {
        self.nothing(self.request(Method::DELETE, &one("users", id))).await
    }

    /// `POST /set-up-link`.
    pub async fn create_set_up_link(&self) -> Result<SetUpLinkView, ClientError> {
        self.json(self.request(Method::POST, "/api/v1/set-up-link")).await
    }
}

const SESSION: &str = "/api/v1/session";
