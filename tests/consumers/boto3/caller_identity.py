"""Asks STS who the default credentials are, with boto3, and prints the ARN."""

import sys

import boto3
import botocore.exceptions

try:
    print(boto3.client("sts").get_caller_identity()["Arn"])
except botocore.exceptions.BotoCoreError as error:
    sys.exit(str(error))
