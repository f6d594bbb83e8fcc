# One provider and one resource.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.100" }
  }
}

provider "aws" {
  profile = "terraform"
  region  = "us-east-1"
}

resource "aws_ssm_parameter" "only" {
  name  = "only"
  type  = "String"
  value = "made"
}
