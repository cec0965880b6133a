//! The fake Cognito, asked and meddled with over HTTP as the audience could with curl:
//! what is sent is what is shown.

use serde_json::{Value, json};

use super::Stage;
use crate::failure::{Failure, require};
use crate::wire::{self, Answer};
use harness::shell::quoted;

/// A shell function for calls that are signed, as AWS wants them.
const FUNCTION: &str = r#"cognito() { curl -s $FAKE -d "$2" \
    -H "X-Amz-Target: AWSCognitoIdentityService.$1" \
    -H "Content-Type: application/x-amz-json-1.1" \
    --aws-sigv4 aws:amz:eu-west-1:cognito-identity --user any:any; }"#;

impl Stage {
    /// Shows the shell function that [`cognito`](Self::cognito) is written with.
    pub(crate) fn teach_cognito(&self) {
        self.screen.command(FUNCTION);
    }

    /// Calls an operation of AWS, and shows the call.
    pub(crate) async fn cognito(&self, operation: &str, input: Value) -> Result<Answer, Failure> {
        let input = input.to_string();
        let line = format!("cognito {operation} {}", quoted(&input));
        self.screen.command(&line);
        wire::call(&self.fake.endpoint(), operation, &input).await
    }

    /// Asks AWS for a pool.
    pub(crate) async fn describe(&self, id: &str) -> Result<Answer, Failure> {
        let input = json!({ "IdentityPoolId": id });
        self.cognito("DescribeIdentityPool", input).await
    }

    /// Looks at a list behind the scene, and shows how.
    pub(crate) async fn look(&self, what: &str) -> Result<Vec<Value>, Failure> {
        self.screen.command(&format!("curl -s $FAKE/_fake/{what}"));
        let answer = wire::look(&self.fake.endpoint(), what).await?;
        let list = serde_json::from_value(answer.body);
        list.map_err(|error| Failure(format!("/_fake/{what} is no list: {error}")))
    }

    /// Pulls a lever behind the scene, and shows which.
    pub(crate) async fn pull(&self, lever: &str, input: Value) -> Result<(), Failure> {
        let input = input.to_string();
        let line = format!("curl -s $FAKE/_fake/{lever} -d {}", quoted(&input));
        self.screen.command(&line);
        let answer = wire::pull(&self.fake.endpoint(), lever, &input).await?;
        require(answer.status == 200, &format!("the fake takes {input}"))
    }
}
