#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs every command that the documents show, and compares what they print.

A command is a line with a prompt in a block of the kind "console": of

	$ COMMAND	a user, uid 1000; with "sudo" before it, root
	# COMMAND	root
	peer# COMMAND	root of the other machine
	router# COMMAND	root of one in between, which is none of this test's

and of the sections EXAMPLES of the manual pages. It goes on in the next line
where it ends in a backslash. "&" at its end leaves it in the background until
the document ends; two spaces and "# " begin a comment. The lines below it, if
there are any, are what it prints;
"..." in them stands for any text, and alone on a line for any lines. It has to
end with status 0, or with N where the last of these lines is "[N]".

A block of the kind "python" is a program that a user runs.

Each document has a world of its own:

    host (eth0) -------------------------- peer (lan0)
    10.0.0.100/16, 2001:db8::100/64        10.0.0.1, 2001:db8::1: nginx, which
                                           answers with the client's address
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DOCS = f'{HERE}/documents'
PROMPT = re.compile(r'(\$|#|peer#|router#) (.*)', re.S)
USER = 1000
PATIENCE = 60

# What this machine cannot do: the test that does it, in the command's words or in
# those that are given; or no test, and why there is none.
ELSEWHERE = (
    (r'scripts/.*', None, 'by a person, on the way here'),
    (r'sudo apt install \./build/packages/\*\.deb', 'packaged/first.sh', 'apt-get install'),
    (r'sudo apt install .*', None, 'has a network'),
    (r'make|sudo make (un)?install|sudo ldconfig', 'host/install.sh', None),
    (r'systemctl restart dhcpcd', 'dhcp_pd.sh', 'dhcpcd --config'),
    (r'(systemctl|journalctl) .*', 'packaged/again.sh', None),
    (r'sudo mokutil .*', None, 'has the firmware of a PC'),
    (r'modinfo -F signer inet_tuple|sudo .*/sign-file .*', 'packaged/first.sh', None),
    (r'tc filter add dev eth1 .*', 'qos.sh', None),
)

NGINX = '''
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; default_type text/plain;
  client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir};
  uwsgi_temp_path {dir}; scgi_temp_path {dir};
  server {{ listen 80; listen [::]:80; return 200 "$remote_addr\\n"; }}
}}
'''


class Command:
    def __init__(self, prompt, text, line):
        self.prompt = prompt
        self.text = text
        self.line = line
        self.output = []

    def more(self, line):
        """A continuation, or a line of output."""
        if not self.output and self.text.endswith('\\'):
            self.text = self.text[:-1].rstrip() + ' ' + line.strip()
        else:
            self.output.append(line)

    def close(self):
        while self.output and not self.output[-1].strip():
            self.output.pop()
        self.status = 0
        if self.output and re.fullmatch(r'\[\d+\]', self.output[-1].strip()):
            self.status = int(self.output.pop().strip()[1:-1])


# Finding them

def blocks_rst(lines):
    """(number, lines) of each console block, without its indentation."""
    i = 0
    while i < len(lines):
        mark = re.match(r'( *)\.\. code-block:: console', lines[i])
        i += 1
        if not mark:
            continue
        indent = len(mark.group(1))
        start = i
        while i < len(lines) and (not lines[i].strip() or
                                  len(lines[i]) - len(lines[i].lstrip()) > indent):
            i += 1
        block = lines[start:i]
        depth = min(len(l) - len(l.lstrip()) for l in block if l.strip())
        yield start + 1, [l[depth:] for l in block]


def blocks_md(lines):
    start = None
    for i, line in enumerate(lines):
        if start is None and line.strip() in ('```console', '```python'):
            start = i + 1
        elif start is not None and line.strip() == '```':
            text = lines[start:i]
            if lines[start - 1].strip() == '```python':
                text = ['$ python3 -c ' + shlex.quote('\n'.join(text))]
            yield start + 1, text
            start = None


def blocks_man(lines):
    """EXAMPLES: literal displays and .Dl lines. C programs are not for here."""
    inside = False
    start = None
    for i, line in enumerate(lines):
        if line.startswith('.Sh '):
            inside = line == '.Sh EXAMPLES'
        elif inside and line.startswith('.Dl '):
            yield i + 1, [line[4:]]
        elif inside and line.startswith('.Bd -literal'):
            start = i + 1
        elif inside and line == '.Ed':
            text = [l.replace(r'\e', '\\').replace(r'\-', '-') for l in lines[start:i]]
            if any(PROMPT.match(l) for l in text):
                yield start + 1, text


def commands(path):
    with open(path) as f:
        lines = f.read().split('\n')
    if path.endswith('.rst'):
        blocks = blocks_rst(lines)
    elif path.endswith('.md'):
        blocks = blocks_md(lines)
    else:
        blocks = blocks_man(lines)
    for start, block in blocks:
        command = None
        for i, line in enumerate(block):
            prompt = PROMPT.match(line)
            if prompt:
                if command:
                    yield command
                text = re.sub(r'  +# .*', '', prompt.group(2)).rstrip()
                command = Command(prompt.group(1), text, start + i)
            elif command:
                command.more(line)
            elif line.strip():
                raise ValueError(f'{path}:{start + i}: no prompt: {line}')
        if command:
            yield command


# Running them

# Compiled already, where there is a compiler: example-NAME.
COMPILE = re.compile(r'cc -o (\w+) \w+\.c && ')


class World:
    def __init__(self):
        self.dir = tempfile.mkdtemp()
        os.chmod(self.dir, 0o777)
        self.background = []
        self.started = 0            # when the last of them was
        self.root('mkdir -p /sys/fs/cgroup/machine.slice /var/lib/prometheus/node-exporter; '
                  'ip netns add host; ip netns add peer', where=None)
        self.root('ip -n host link add eth0 type veth peer name lan0 netns peer', where=None)
        for name, dev, number in (('host', 'eth0', '100'), ('peer', 'lan0', '1')):
            self.root('ip link set lo up; sysctl -qw net.ipv6.conf.all.forwarding=0; '
                      f'ip link set {dev} up; ip addr add 10.0.0.{number}/16 dev {dev}; '
                      f'ip addr add 2001:db8::{number}/64 dev {dev} nodad', where=name)
        with open(f'{self.dir}/nginx.conf', 'w') as f:
            f.write(NGINX.format(dir=self.dir))
        self.start(['ip', 'netns', 'exec', 'peer', 'nginx', '-c', f'{self.dir}/nginx.conf'])
        self.root('ip addr add 192.0.2.1/32 dev lo', where='peer')
        self.root('ip route add 192.0.2.1 via 10.0.0.1')
        self.root('for i in $(seq 100); do curl -s http://10.0.0.1/ && exit; sleep 0.1; '
                  'done; exit 1')

    def root(self, text, where='host'):
        subprocess.run(self.shell(text, '#', where), check=True, stdout=subprocess.DEVNULL)

    def shell(self, text, prompt, where='host'):
        """In the namespace, and with what is mounted here: ip netns adds more."""
        argv = ['bash', '-c', text]
        if prompt == '$':
            argv = ['setpriv', f'--reuid={USER}', f'--regid={USER}', '--clear-groups'] + argv
        if where:
            argv = ['nsenter', f'--net=/run/netns/{where}'] + argv
        return argv

    def start(self, argv):
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.STDOUT, start_new_session=True,
                                   cwd=self.dir)
        self.background.append(process)
        return process

    def run(self, command):
        """(status, output)"""
        prompt, text = command.prompt, command.text
        if text.startswith('sudo '):
            prompt, text = '#', text[5:]
        text = text.replace('sudo ', '')
        compiled = COMPILE.match(text)
        if compiled:
            shutil.copy(f'{HERE}/example-{os.path.basename(command.document)}', f'{self.dir}/{compiled.group(1)}')
            os.chmod(f'{self.dir}/{compiled.group(1)}', 0o755)
            text = text[compiled.end():]
        where = 'peer' if prompt == 'peer#' else 'host'
        if text.endswith('&'):
            process = self.start(self.shell(text[:-1], prompt, where))
            self.started = time.monotonic()
            time.sleep(2)
            return process.poll() or 0, ''
        try:
            r = subprocess.run(self.shell(text, prompt, where), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               timeout=PATIENCE, cwd=self.dir)
        except subprocess.TimeoutExpired as e:
            return 124, (e.stdout or b'').decode(errors='replace') + '\n[no end]'
        return r.returncode, r.stdout.decode(errors='replace')

    def close(self):
        for process in self.background:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        subprocess.run(['rmdir', '/sys/fs/cgroup/machine.slice'])
        for name in ('host', 'peer'):
            subprocess.run(f'ip netns pids {name} | xargs -r kill -9; ip netns delete {name}',
                           shell=True)


def pattern(lines):
    """The output that is shown, as a regular expression."""
    out = ''
    for line in lines:
        if line.strip() == '...':
            out += r'(?:.*\n)*?'
        else:
            out += '.*'.join(re.escape(part) for part in line.rstrip().split('...')) + r' *\n'
    return out


def elsewhere(text):
    return next((entry for entry in ELSEWHERE if re.fullmatch(entry[0], text)), None)


def complaint(world, command):
    """None, or what is not as the document says."""
    while True:
        wrong = complaint_once(world, command)
        # what was put into the background may not be there yet
        if wrong is None or time.monotonic() > world.started + 30:
            return wrong
        time.sleep(1)


def complaint_once(world, command):
    status, output = world.run(command)
    if output and not output.endswith('\n'):
        output += '\n'
    if status != command.status:
        return f'status {status}, not {command.status}:\n{output}'
    if command.output and not re.fullmatch(pattern(command.output), output):
        return f'it printed:\n{output}instead of:\n' + '\n'.join(command.output)
    return None


def example(path):
    """The commands that run the program that a manual page shows."""
    with open(path) as f:
        pool = 'tuplectl pool add demo dev eth0 prefix 10.0.64.0/24 && ' \
            if 'inet_tuple_pool_add' not in f.read() else ''
    return Command('#', f'cc -o example example.c && {pool}./example', 0)


def documents():
    for folder, _, files in sorted(os.walk(DOCS)):
        for name in sorted(files):
            yield os.path.join(folder, name)


def main(only=''):
    n = failed = 0
    print('TAP version 13', flush=True)
    for path in documents():
        name = os.path.relpath(path, DOCS)
        if only not in name:
            continue
        found = list(commands(path))
        if os.path.exists(f'{HERE}/example-{os.path.basename(path)}') and not found:
            found = [example(path)]
        world = World() if found else None
        for command in found:
            command.document = name
            command.close()
            title = f'{name}:{command.line}: {command.prompt} {command.text}'
            title = title.replace('#', r'\#').replace('\n', ' ')
            n += 1
            entry = elsewhere(command.text)
            if entry:
                print(f'ok {n} {title} # {entry[1] or entry[2]}', flush=True)
                continue
            wrong = complaint(world, command)
            if wrong is None:
                print(f'ok {n} {title}', flush=True)
                continue
            failed += 1
            print(f'not ok {n} {title}')
            print(''.join(f'# {line}\n' for line in wrong.split('\n')), end='', flush=True)
        if world:
            world.close()
    print(f'1..{n}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
