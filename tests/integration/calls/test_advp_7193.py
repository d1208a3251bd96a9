"""Runner of adversary P: plays scenarios of ADVP (a Python file with LIST) over HTTP, writes plain traces to ADVP_OUT."""
import contextlib, json, os, re, runpy
from datetime import datetime
from zoneinfo import ZoneInfo
import pytest, time_machine
from msgspec.structs import replace
from askproai_core.tenant_config import RateLimits, BookingLimits
from tests.worlds.compiled_salon import compile_example
from tests.worlds.spoken_calls import SpokenCall, empty_book
from tests.worlds.tenant_pod import STAFF_UNITS, open_pod, running_web

pytestmark = [pytest.mark.real_clock, pytest.mark.timeout(1500)]
WORLDS = {
    "salon": ("/work/briefs/r60/a.yaml", [("mitte", "anna", 1), ("mitte", "mehmet", 1)], "+49307654321"),
    "practice": ("practice.yaml", [("praxis", s, 1) for s in ("dr-kaya", "dr-brandt", "dr-osei", "labor")] + [("praxis", "labor", 2)], "+494066969100"),
    "english": ("english.yaml", [("canal", "grace", 1), ("canal", "tomas", 1)], "+493023125042"),
    "calcom": ("/work/briefs/r60/a.yaml", [("mitte", "anna", 1), ("mitte", "mehmet", 1)], "+49307654321"),
    "hotline": ("hotline.yaml", [("mitte","anna",1),("mitte","mehmet",1),("pankow","clara",1),("potsdam","david",1)], "+49305550100"),
}

def fill(v, answers):
    if isinstance(v, dict): return {k: fill(x, answers) for k, x in v.items()}
    if isinstance(v, list): return [fill(x, answers) for x in v]
    if not isinstance(v, str): return v
    def offer(m):
        slots = next((a.get("slots") or a.get("alternatives") for a in reversed(answers) if a.get("slots") or a.get("alternatives")), [])
        n = int(m[1]) - 1
        return slots[n]["start"] if len(slots) > n else "none"
    def appt(m):
        found = next((a["appointments"] for a in reversed(answers) if a.get("appointments")), [])
        n = int(m[1]) - 1
        return found[n]["appointment_id"] if len(found) > n else "none"
    return re.sub(r"\{appointment\.(\d)\}", appt, re.sub(r"\{offer\.(\d)\}", offer, v))

async def book_of(pod):
    rows = await pod.db.fetch("""SELECT service, starts_at AT TIME ZONE 'Europe/Berlin' AS at, staff, customer_name AS name, status, caller, to_jsonb(a) - 'event_payload' AS all
        FROM appointments a WHERE tenant = $1 AND status IN ('confirmed','pending_sync','held') ORDER BY starts_at""", pod.store.tenant)
    out = []
    for r in rows:
        j = json.loads(r["all"]) if isinstance(r["all"], str) else r["all"]
        more = {k: j.get(k) for k in ("notes", "customer_email", "email", "contact_phone", "phone", "birth_date") if j.get(k)}
        out.append(f"{r['name']} {r['service']} {r['staff']} {r['at']:%a %d.%m. %H:%M} {'' if r['status']=='confirmed' else r['status']} {more or ''}".strip())
    for t in ("messages", "waitlist"):
        out += [f"{t}: {json.dumps({k: str(v) for k, v in dict(r).items() if v and not k.endswith('_id') and k not in ('tenant','id','created_at','branch')}, ensure_ascii=False)[:500]}" for r in await pod.db.fetch(f"SELECT * FROM {t} WHERE tenant = $1", pod.store.tenant)]
    return out

@pytest.mark.parametrize("world", [w for w in os.environ.get("ADVP_WORLDS", "salon,practice,english").split(",")])
async def test_inputs(database, tmp_path_factory, world):
    inputs = [x for x in runpy.run_path(os.environ["ADVP"])["LIST"] if x["world"] == ("salon" if world == "calcom" else world)]
    if not inputs: return
    example, people, to = WORLDS[world]
    moment = datetime(2026, 12, 7, 10, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    with time_machine.travel(moment, tick=True), open(os.environ["ADVP_OUT"] + "." + world, "w") as f:
        async with open_pod(database, tmp_path_factory.mktemp("advp"), "salon", tuple(dict.fromkeys((*people, *STAFF_UNITS)))) as pod:
            store = pod.store
            config = compile_example(example, resource_ids=store.resources, tenant=store.tenant, path_prefix="/salon/salon")
            more = {}
            config = replace(config, rate_limits=RateLimits(webhooks_per_second=0, functions_per_second=0))
            try:
                config = replace(config, booking_limits=BookingLimits(per_call=6, per_caller_and_day=30, anonymous_per_hour=60))
            except Exception as e: print("limits", e)
            stack = contextlib.AsyncExitStack()
            if world == "calcom":
                import aiohttp
                from askproai_core.clock import SystemClock
                from askproai_core.tenant_config import CalendarConfig, CalendarProvider
                from askproai_sandbox.calcom import CalcomSimulator
                from askproai_sandbox.simulator import serve
                calcom = CalcomSimulator(SystemClock())
                url = await stack.enter_async_context(serve(calcom))
                session = await stack.enter_async_context(aiohttp.ClientSession())
                for id, length, host in ((7001, 45, "anna"), (7002, 45, "mehmet"), (7003, 90, "anna"), (7004, 30, "anna"), (7005, 30, "mehmet")):
                    async with session.post(f"{url}/_sim/event-types", json={"key": "cal_salon", "id": id, "lengthInMinutes": length, "host": host}) as r: assert r.status == 201, await r.text()
                config = replace(config, calendar=CalendarConfig(provider=CalendarProvider.CALCOM, base_url=url, attendee_email_domain="anrufer.salon-a.example"))
                pod.write_credential("calcom-api-key", "cal_salon")
            pod.write_config(config)
            async with stack, running_web(pod, worker_port=9):
                for k, x in enumerate(inputs):
                    await empty_book(pod); answers = []
                    number = x.get("number") or f"+4915112{k:06}"
                    if number == "withheld": number = "anonymous"
                    f.write(f"\n=== {x['id']}  [{x.get('why','')}]\n")
                    try:
                        for n, b in enumerate(x.get("booked") or ()):
                            name, service, staff, start, *num = b.split("|")
                            earlier = SpokenCall(pod, number=(num[0] if num else number), to_number=to)
                            args = {"service": service, "start": start + "+01:00", "customer_name": name, "another": True}
                            if staff: args["staff"] = staff
                            if world == "practice": args["birth_date"] = (num[1] if len(num) > 1 else "1980-03-04")
                            done = await earlier.ask("book_appointment", args)
                            f.write(f"  booked {b}\n")
                            assert done["success"], done
                        call = SpokenCall(pod, number=number, to_number=to)
                        call.transcript.append({"role": "agent", "content": "Guten Tag, Sie sprechen mit unserem KI-Assistenten. Was kann ich für Sie tun?" if world != "english" else "Canal Physio, you are speaking with an AI assistant. How can I help?"})
                        for s in x["steps"]:
                            if isinstance(s, str):
                                role, words = s[0], s[2:]
                                if role == "U": call.say(words)
                                elif role == "C": # a new call of the same number
                                    call = SpokenCall(pod, number=words.strip() or number, to_number=to)
                                else: call.transcript.append({"role": "agent", "content": words})
                                f.write(f"  {s}\n")
                            else:
                                fn, args = s
                                args = fill(args, answers)
                                body = await call.ask(fn, args); answers.append(body)
                                extra = {k: v for k, v in body.items() if k not in ("message", "success", "slots", "alternatives", "appointments")}
                                f.write(f"  > {fn} {json.dumps(args, ensure_ascii=False)}\n    {'OK' if body['success'] else 'NO'}: {body['message']}\n      {json.dumps(extra, ensure_ascii=False)[:330]}\n")
                        for line in await book_of(pod): f.write(f"  BOOK {line}\n")
                    except Exception as e:
                        f.write(f"  ERROR {type(e).__name__} {str(e)[:600]}\n")
