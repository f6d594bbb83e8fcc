# A run that lasts longer than its session: the file 'ends' has the second in which the latest session ends.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.100" }
  }
}

provider "aws" {
  profile = "terraform"
  region  = "us-east-1"
}

resource "aws_ssm_parameter" "before" {
  name  = "before"
  type  = "String"
  value = "made"
}

resource "terraform_data" "session" {
  depends_on = [aws_ssm_parameter.before]

  provisioner "local-exec" {
    command = "touch waiting; while [ $(date +%s) -le $(cat ends) ]; do sleep 0.1; done"
  }
}

resource "aws_ssm_parameter" "after" {
  depends_on = [terraform_data.session]
  name       = "after"
  type       = "String"
  value      = "made"
}
