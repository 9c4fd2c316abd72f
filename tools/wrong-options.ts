/** Loaded before a script: one that is given an option that it does not have says so in a line, and no more. */
const isOfArguments = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error && String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS_')

process.on('uncaughtException', (error) => {
  const isWrong = isOfArguments(error)
  if (isWrong) process.stderr.write(`${error.message}\n--help tells what there is.\n`)
  else console.error(error)
  process.exit(isWrong ? 2 : 1)
})
