#!/usr/bin/env python3
"""What an OVAL document says of packages, by another road than src/feed/oval*.c: each tree is put
into disjunctive normal form and every conjunction read by itself. For tests: prints lines
"stream name bound" (sorted, once each) for documents small enough for that.

    oval_rows.py FILE            a plain XML file
    oval_rows.py FILE ROWS       ... against what test_oval printed of it; 1 when they differ
"""
import collections
import re
import sys
import xml.etree.ElementTree as ET


def local(e):
    return e.tag.rsplit('}', 1)[-1]


def platform(text):
    text = re.sub(r'( is installed)?\.?$', '', text.strip())
    for pattern, form in (
            (r'Red Hat Enterprise Linux (?:[AE]S )?(\d+)', 'rhel:{0}'),
            (r'AlmaLinux (\d+)', 'almalinux:{0}'),
            (r'Oracle Linux (\d+)', 'ol:{0}'),
            (r'Photon (?:OS )?(\d+)$', 'photon:{0}.0'),
            (r'Anolis OS (\d+)', 'anolis:{0}'),
            (r'Debian (?:GNU/Linux )?(\d+)', 'debian:{0}'),
            (r'Ubuntu (?:Pro FIPS-updates )?(\d+\.\d+)', 'ubuntu:{0}'),
            (r'openSUSE Leap Micro ([\d.]+)', 'opensuse-leap-micro:{0}'),
            (r'openSUSE Leap ([\d.]+)', 'opensuse-leap:{0}'),
            (r'openSUSE Tumbleweed', 'opensuse-tumbleweed'),
            (r'openSUSE ([\d.]+)', 'opensuse:{0}'),
            (r'SUSE Linux Enterprise Server (\d[\d.]*)(?: SP(\d+))?(?:-\w+)?$', 'sles:{0}'),
            (r'SUSE Linux Enterprise Module for .* (\d+)(?: SP(\d+))?$', 'sles:{0}'),
            (r'SUSE Linux (?:Enterprise )?Micro ([\d.]+)', 'sle-micro:{0}')):
        m = re.match(pattern, text)
        if m:
            g = m.groups()
            return form.format(*g) + ('.' + g[1] if len(g) > 1 and g[1] else '')
    if re.match(r'(Red Hat CoreOS|SUSE |Open Enterprise)', text):
        return 'another'
    return None


class Document:
    def __init__(self, path):
        sections = {local(s): s for s in ET.parse(path).getroot()}
        self.tests = {t.get('id'): t for t in sections.get('tests', ())}
        self.objects = {t.get('id'): t for t in sections.get('objects', ())}
        self.states = {t.get('id'): t for t in sections.get('states', ())}
        self.variables = {t.get('id'): t for t in sections.get('variables', ())}
        self.definitions = list(sections['definitions'])

    def atom(self, c):
        """('true',) ('false',) ('at', stream) ('module', m) ('pkg', names, bound) ('gone',)"""
        test, comment = self.tests.get(c.get('test_ref')), c.get('comment') or ''
        if test is None:
            p = platform(comment)
            return ('at', p) if p else ('true',) if c.get('definition_ref') else ('gone',)
        kind = local(test)
        obj = state = None
        for e in test:
            if local(e) == 'object':
                obj = self.objects.get(e.get('object_ref'))
            if local(e) == 'state':
                state = self.states.get(e.get('state_ref'))
        fields = {local(e): e for e in (state if state is not None else ())}
        inside = {local(e): e for e in (obj if obj is not None else ())}
        negative = test.get('check') == 'none satisfy' or test.get('check_existence') == 'none_exist'
        if 'signature_keyid' in fields or kind in ('uname_test', 'family_test'):
            return ('true',)
        if kind == 'rpmverifyfile_test':
            p = platform(comment)
            return ('false',) if negative or not p else ('at', p)
        manifest = inside.get('filename') is not None and inside['filename'].text == 'manifest'
        if kind == 'textfilecontent54_test' and not manifest:
            file = (inside['filepath'].text if 'filepath' in inside else '') or ''
            if file.endswith('.module'):
                stream = re.search(r'stream\\s\*=\\s\*(.*?)\\b', fields['text'].text).group(1)
                return ('module', file.split('/')[-1][:-7] + ':' + stream.replace('\\', ''))
            p = platform(comment)
            return ('at', p) if p else ('true',)
        if negative:
            return ('true',)
        name = inside.get('name')
        if 'release' in ((name.text if name is not None else '') or ''):
            p = platform(comment)
            if p:
                return ('at', p)
            if 'version' in fields and 'evr' not in fields:
                release = {'oraclelinux-release': 'ol:', 'sles-release': 'sles:'}.get(name.text)
                return ('at', release + fields['version'].text.lstrip('^')) if release \
                    else ('at', 'another')
            if set(fields) == {'arch'}:
                return ('true',)
        ref = next((e.get('var_ref') for e in inside.values() if e.get('var_ref')), None) \
            if name is None or not name.text else None
        if ref and (manifest or name is not None):
            names = [re.sub(r'\(\?:.*', '', v.text.lstrip('^')).replace('\\', '') if manifest
                     else v.text.strip() for v in self.variables[ref]]
        else:
            names = [name.text.strip()]
        evr = fields.get('evr', fields.get('subexpression'))
        if evr is not None:
            text = re.sub('^0:', '', evr.text.strip())
            op = {'less than': '<', 'equals': '=', 'less than or equal': '='}.get(evr.get('operation') or 'equals', '>')
            bound = op + text
        elif 'version' in fields:
            bound = '=' + fields['version'].text.strip()
        else:
            bound = '*'
        return ('pkg', tuple(names), bound)

    def dnf(self, node):
        """List of conjunctions (frozensets of atoms); conditions that are true are left out."""
        if local(node) != 'criteria':
            a = self.atom(node)
            return [] if a[0] in ('false', 'gone') else [frozenset() if a[0] == 'true'
                                                         else frozenset([a])]
        parts = [self.dnf(k) for k in node]
        if node.get('operator') == 'OR':
            return [c for p in parts for c in p]
        out = [frozenset()]
        for p in parts:
            out = [x | y for x in out for y in p]
            out = [c for c in out if len({a for a in c if a[0] == 'at'}) < 2]
        return out

    def rows(self, d):
        unaffected = '.unaffected:' in d.get('id')
        usual = {platform(e.text) for e in d.iter() if local(e) == 'platform'}
        found = set()
        for criteria in (e for e in d if local(e) == 'criteria'):
            for c in self.dnf(criteria):
                packages = [a for a in c if a[0] == 'pkg']
                places = [a[1] for a in c if a[0] == 'at']
                modules = [a[1] for a in c if a[0] == 'module']
                bounded = any(a[2] != '*' for a in packages)
                for _, names, bound in packages:
                    if bounded and bound == '*':
                        continue
                    if unaffected or bound in ('=0', '<0'):
                        bound = '-'
                    tag = re.search(r'\.(azl3|cm1|cm2)\b', bound)
                    here = places or ([{'azl3': 'azurelinux:3.0', 'cm1': 'mariner:1.0',
                                        'cm2': 'mariner:2.0'}[tag.group(1)]] if tag
                                      else sorted(x for x in usual if x))
                    for n in names:
                        found |= {(s, n, bound, ''.join(modules)) for s in here if s != 'another'}
        return found


def unsplit(name, bound):
    """Anolis: bind-libs at "<32:libs-9.18-1" means "<32:9.18-1"."""
    m = re.match(r'(.(?:\d+:)?)(.*)', bound)
    parts = name.split('-')
    for i in range(1, len(parts)):
        tail = '-'.join(parts[i:]) + '-'
        if m.group(2).startswith(tail) and '-' in m.group(2)[len(tail):]:
            return m.group(1) + m.group(2)[len(tail):]
    return bound


def printed(path):
    """The rows of each advisory that test_oval printed, once each."""
    found, rows = collections.Counter(), set()
    for line in open(path, encoding='utf-8', errors='replace'):
        if not line.startswith('  '):
            found.update(rows)
            rows = set()
        elif not line.startswith('  vuln'):
            stream, name, status, *rest = line.strip('\n ').split('\t')
            kv = dict(x.split('=', 1) for x in rest if '=' in x)
            bound = ('-' if status == 'not_affected' else '<' + kv['fixed'] if 'fixed' in kv
                     else '=' + kv['last'] if 'last' in kv else '>' + kv['from'] if 'from' in kv
                     else '>' + kv['after'] if 'after' in kv else '*')
            rows.add((stream, name, bound, kv.get('module', '')))
    found.update(rows)
    return found


def main():
    doc = Document(sys.argv[1])
    found = collections.Counter()
    for d in doc.definitions:
        if d.get('class') == 'inventory':
            continue
        rows = doc.rows(d)
        if 'openanolis' in d.get('id'):
            rows = {(s, n, unsplit(n, b), m) for s, n, b, m in rows}
        found.update(rows)
        for row in sorted(rows) if len(sys.argv) == 2 else ():
            print(d.get('id'), *row, sep='\t')
    if len(sys.argv) == 2:
        return 0
    ours = printed(sys.argv[2])
    missing, extra = found - ours, ours - found
    print(f'{len(doc.definitions)} definitions, {sum(found.values())} rows, '
          f'{sum(missing.values())} missing, {sum(extra.values())} extra')
    for what, rows in (('missing', missing), ('extra', extra)):
        for row in list(rows)[:5]:
            print(' ', what, *row)
    return 1 if missing or extra else 0


if __name__ == '__main__':
    sys.exit(main())
