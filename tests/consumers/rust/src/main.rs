//! Asks STS who the default credentials are, with the AWS SDK for Rust, and prints the ARN.

use aws_config::BehaviorVersion;
use aws_sdk_sts::error::DisplayErrorContext;
use aws_smithy_http_client::Builder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    let config =
        aws_config::defaults(BehaviorVersion::latest()).http_client(Builder::new().build_http()).load().await;
    let answer = aws_sdk_sts::Client::new(&config)
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| DisplayErrorContext(error).to_string())?;
    println!("{}", answer.arn().unwrap_or_default());
    Ok(())
}
