//! Asks STS who the session `client` is, and prints the ARN. With the argument `until-eof` again and again while the SDK renews its
//! credentials, until its standard input ends; each other ARN is printed.

use std::io::Read as _;
use std::time::Duration;

use anyrole::sdk::Credentials;
use aws_config::BehaviorVersion;
use aws_config::identity::IdentityCache;
use aws_sdk_sts::error::DisplayErrorContext;
use aws_smithy_http_client::Builder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    let once = std::env::args().nth(1).is_none();
    let end = std::thread::spawn(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let session = Credentials::session("client").map_err(|error| error.to_string())?;
    let config = aws_config::defaults(BehaviorVersion::latest())
        .credentials_provider(session)
        .identity_cache(IdentityCache::lazy().buffer_time(Duration::from_secs(3)).build())
        .http_client(Builder::new().build_http())
        .load()
        .await;
    let sts = aws_sdk_sts::Client::new(&config);
    let mut last = String::new();
    loop {
        let answer = sts.get_caller_identity().send().await;
        let answer = answer.map_err(|error| DisplayErrorContext(error).to_string())?;
        let arn = answer.arn().unwrap_or_default();
        if arn != last {
            println!("{arn}");
            arn.clone_into(&mut last);
        }
        if once || end.is_finished() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
