//! Generated code to measure on: as many services as wanted, each with classes, helpers in other files and the calls that
//! rules look at. Equal numbers give equal text.

use std::fmt::Write;

/// A file: its path and its text.
pub type File = (String, String);

/// A system of so many services, three files and some 140 lines each.
pub fn system(services: usize) -> Vec<File> {
    let mut files = vec![("base.py".to_owned(), BASE.to_owned())];
    for index in 0..services {
        let next = (index + 1) % services;
        files.push((format!("services/service_{index}.py"), service(index)));
        files.push((format!("stores/store_{index}.py"), store(index, next)));
        files.push((format!("texts/text_{index}.py"), texts(index)));
    }
    files
}

const BASE: &str = "import json\nimport logging\n\nlogger = logging.getLogger(__name__)\n\n\nclass Base:\n    \
    handlers = None\n\n    def __init__(self, name):\n        self.name = name\n        self.handlers = {}\n\n    \
    def register(self, kind, handler):\n        self.handlers[kind] = handler\n\n    def dispatch(self, message):\n        \
    request = json.loads(message)\n        return self.handlers[request['kind']](request)\n";

fn service(index: usize) -> String {
    format!(
        "import asyncio\nimport time\n\nimport requests\nimport zmq\n\nfrom base import Base\nfrom stores.store_{index} import Store{index}\n\
         from texts import text_{index} as texts\n\n\nclass Service{index}(Base):\n    def __init__(self, port={port}):\n        \
         super().__init__('service_{index}')\n        self.context = zmq.Context()\n        self.socket = self.context.socket(zmq.REP)\n        \
         self.socket.bind(f'tcp://*:{{port}}')\n        self.store = Store{index}()\n        self.register('get', self.handle_get)\n        \
         self.register('put', self.handle_put)\n        self.seen = []\n\n    def run(self):\n        while True:\n            \
         message = self.socket.recv()\n            try:\n                answer = self.dispatch(message)\n            \
         except Exception as error:\n                answer = {{'error': str(error)}}\n            self.socket.send_json(answer)\n\n    \
         def handle_get(self, request):\n        self.seen.append(request)\n        for key in request['keys']:\n            \
         if key in self.seen:\n                continue\n            value = self.store.load(key)\n            if not value:\n                \
         value = requests.get(request['url'] + key).text\n                self.store.save(key, texts.clean(value))\n        \
         return [texts.clean(item) for item in self.seen]\n\n    def handle_put(self, request):\n        \
         time.sleep(0.1)\n        return {{'saved': [self.store.save(k, v) for k, v in request['items'].items()]}}\n\n    \
         async def watch(self):\n        while True:\n            await asyncio.sleep(1)\n            self.store.load('state')\n\n\n\
         if __name__ == '__main__':\n    service = Service{index}()\n    asyncio.get_event_loop().create_task(service.watch())\n    service.run()\n",
        port = 20_000 + index,
    )
}

fn store(index: usize, next: usize) -> String {
    format!(
        "import json\nimport sqlite3\nimport threading\n\nfrom stores import store_{next}\n\n\nclass Store{index}:\n    \
         def __init__(self, path='store_{index}.db'):\n        self.path = path\n        self.lock = threading.Lock()\n        self.cache = {{}}\n\n    \
         def connect(self):\n        return sqlite3.connect(self.path)\n\n    def load(self, key):\n        with self.lock:\n            \
         if key in self.cache:\n                return self.cache[key]\n            rows = self.connect().execute('select v from t where k = ?', (key,))\n            \
         for row in rows.fetchall():\n                self.cache[key] = json.loads(row[0])\n            return self.cache.get(key)\n\n    \
         def save(self, key, value):\n        connection = self.connect()\n        for part in value:\n            \
         connection.execute('insert into t values (?, ?)', (key, part))\n            connection.commit()\n        self.cache[key] = value\n        \
         return len(value)\n\n    def twin(self):\n        return store_{next}.Store{next}(self.path)\n"
    )
}

fn texts(index: usize) -> String {
    let mut text = format!("import re\n\nWORD_{index} = re.compile(r'\\w+')\n\n\ndef clean(text):\n    out = ''\n");
    text.push_str("    for word in re.findall(r'\\w+', text):\n        out += word.lower()\n    return out\n");
    for step in 0..20 {
        // A string takes all text.
        let _ = write!(
            text,
            "\n\ndef step_{step}(items, limit={step}):\n    total = 0\n    for item in items:\n        if item > limit:\n            \
             total += item * {step}\n        else:\n            total -= 1\n    return total\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_code_parses() {
        for (path, text) in super::system(3) {
            assert_eq!(lagmap_source::parse(&text).unwrap().problems, [], "{path}");
        }
    }
}
