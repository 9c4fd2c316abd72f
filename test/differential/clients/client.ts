/**
 * Debian's `openstack` and `nova` as one Python process: a command a line as JSON, its outcome as JSON. Each runs in
 * a fork, for the clients keep what they met first; what a first one has loaded is there for all others. `sdk` is a
 * Python expression of an openstacksdk connection.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** `-f json` is made the default of all that is shown: it is not for each command to know whether it takes the option. */
const DRIVER = `
import contextlib, importlib, io, json, os, signal, sys
SECONDS = 120
def run(program, args):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if program == 'nova':
                from novaclient import shell
                code = shell.main(args) or 0
            elif program == 'sdk':
                from openstack import connection
                version = os.environ.pop('OS_COMPUTE_API_VERSION')
                conn = connection.from_config(compute_default_microversion=version)
                names = {'conn': conn, 'compute': conn.compute, 'project': conn.current_project_id}
                print(json.dumps(plain(eval(' '.join(args), names))))
                code = 0
            else:
                from cliff import lister, show
                from openstackclient import shell
                for kind in (lister.Lister, show.ShowOne):
                    kind.formatter_default = property(lambda self: 'json')
                code = shell.OpenStackShell().run(args)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException as error:
            code = 255
            print('%s: %s' % (type(error).__name__, error), file=err)
    return {'code': code, 'out': out.getvalue(), 'err': err.getvalue()}
def plain(value):
    from openstack import resource
    if isinstance(value, resource.Resource):
        value = value.to_dict()
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, str) or not hasattr(value, '__iter__'):
        return value if isinstance(value, (str, int, float, type(None))) else type(value).__name__
    return [plain(each) for each in value]
def fork(work):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        signal.alarm(SECONDS)
        with open(writing, 'w') as file:
            file.write(work())
        os._exit(0)
    os.close(writing)
    with open(reading) as file:
        answer = file.read()
    os.wait()
    return answer
def loaded(line):
    os.environ.update(line['env'])
    run(line['program'], line['args'])
    return ' '.join(name for name in sys.modules if '__' not in name)
def answered(line):
    os.environ.update(line['env'])
    sys.stdin = open(os.devnull)
    return json.dumps(run(line['program'], line['args']))
seen = set()
for text in sys.stdin:
    line = json.loads(text)
    if line['program'] not in seen:
        seen.add(line['program'])
        first = {'nova': ['flavor-list'], 'openstack': ['flavor', 'list'], 'sdk': ['list(compute.flavors())']}
        lists = {**line, 'args': first[line['program']]}
        for name in fork(lambda: loaded(lists)).split():
            with contextlib.suppress(BaseException):
                importlib.import_module(name)
    answer = fork(lambda: answered(line))
    print(answer or json.dumps({'code': 254, 'out': '', 'err': 'did not end in %d s' % SECONDS}), flush=True)
`

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

export type Environment = Readonly<Record<string, string>>

/** The variables of a file of `export NAME=value` lines. */
export const readOpenrc = (dir: string, name: string): Environment =>
  Object.fromEntries(
    [...readFileSync(join(dir, name), 'utf8').matchAll(/^export (?<key>\w+)=['"]?(?<value>.*?)['"]?$/gm)].map(
      ({ groups }) => [groups?.['key'] ?? '', groups?.['value'] ?? ''],
    ),
  )

export class Client {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(home: string) {
    this.#child = spawn('/usr/bin/python3', ['-W', 'ignore', '-c', DRIVER], {
      env: { HOME: home, PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' },
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: home,
    })
    const { stdout } = this.#child
    if (!stdout) throw new Error('the client has no output')
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  }

  /** `program` is `openstack`, `nova` or `sdk`; `env` has the credentials and the version. */
  async say(program: string, args: readonly string[], env: Environment): Promise<Said> {
    this.#child.stdin?.write(`${JSON.stringify({ program, args, env })}\n`)
    const { done, value } = await this.#lines.next()
    if (done === true) throw new Error('the client has ended')
    return JSON.parse(value) as Said
  }

  async stop(): Promise<void> {
    const gone = new Promise((done) => this.#child.once('exit', done))
    this.#child.stdin?.end()
    await gone
  }
}
