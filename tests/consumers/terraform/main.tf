# A module without resources, whose state lives in S3. AWS_ENDPOINT_URL_S3 and its like say where that is.

terraform {
  backend "s3" {
    bucket           = "terraform-state"
    key              = "state"
    region           = "us-east-1"
    use_path_style   = true
    skip_s3_checksum = true
  }
}

output "greeting" {
  value = "written with a session of IAM Roles Anywhere"
}
