fn main() -> Result<(), lambda_runtime::Error> {
    functions::serve!("delete-key")
}
