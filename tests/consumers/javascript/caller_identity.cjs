// Asks STS who the credentials are, with the AWS SDK for JavaScript, and prints the ARN.
//
// With the argument `process` they come from the profile's credential_process and nowhere else; without it from the
// SDK's default chain. NODE_PATH names the folder in which tests/components has installed the SDK.

const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
const { fromProcess } = require("@aws-sdk/credential-provider-process");

const credentials = process.argv[2] === "process" ? { credentials: fromProcess() } : {};

new STSClient(credentials).send(new GetCallerIdentityCommand()).then(
  (answer) => console.log(answer.Arn),
  (error) => {
    console.error(`${error.name}: ${error.message}`);
    process.exitCode = 1;
  },
);
