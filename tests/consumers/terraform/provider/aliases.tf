# Three providers with two roles, and what each may make. AWS_ENDPOINT_URL_SSM and its like say where that is.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.100" }
  }
}

provider "aws" {
  alias   = "parameters"
  profile = "terraform"
  region  = "us-east-1"
}

provider "aws" {
  alias   = "elsewhere"
  profile = "terraform"
  region  = "eu-central-1"
}

provider "aws" {
  alias   = "topics"
  profile = "network"
  region  = "us-east-1"
}

data "aws_caller_identity" "parameters" {
  provider = aws.parameters
}

resource "aws_ssm_parameter" "owner" {
  provider = aws.parameters
  name     = "owner"
  type     = "String"
  value    = data.aws_caller_identity.parameters.arn
}

resource "aws_ssm_parameter" "elsewhere" {
  provider = aws.elsewhere
  name     = "owner"
  type     = "String"
  value    = aws_ssm_parameter.owner.value
}

resource "aws_sns_topic" "builds" {
  provider = aws.topics
  name     = "builds"
}
